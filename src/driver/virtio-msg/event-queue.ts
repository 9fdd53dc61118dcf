import {
  EVENTQ,
  IRQ_RESPONSE_LENGTH,
  IRQ_STATUS,
  STAMPED_IRQ_RESPONSE_LENGTH,
} from '../../wire/virtio-gpio.js';
import {
  AVAIL_ELEMENT_OVERHEAD,
  QUEUE_MESSAGE_OVERHEAD,
  USED_ELEMENT_OVERHEAD,
  VqAvailBuilder,
} from '../../wire/virtio-msg/queue.js';
import type { Counters } from '../counters.js';
import type { InterruptItem, Level } from '../remote-gpio.js';
import type { PacketSource } from './outbox.js';

export interface EventQueueOptions {
  readonly devNum: number;
  /** Lines of the controller. */
  readonly lineCount: number;
  /** As set by SET_VQUEUE: buffers outstanding, of all lines together. */
  readonly size: number;
  /** EVENT_STAMP was negotiated: events carry level, seq and time. */
  readonly stamped: boolean;
  /** Buffers a line may have outstanding; 1 without EVENT_QUEUE. */
  readonly depth: number;
  readonly maxMsgSize: number;
  readonly counters: Counters;
  /** There is something to send. */
  readonly wake: (source: PacketSource) => void;
  /** A buffer came back at once: it is queued again after a pause; calls {@link EventQueue.endPause}. */
  readonly pause: () => void;
  /** The final account of a line came. */
  readonly finalAccount: (line: number) => void;
  /** A both-edge interrupt came from a device that does not tell levels: {@link EventQueue.levelRead} goes on. */
  readonly readLevel: (line: number) => void;
}

/** How a line is armed. */
export interface Arming {
  /** A level type: at most one buffer, and never queued again at once. */
  readonly isLevel: boolean;
  /** The level is to be read after each interrupt before the next. */
  readonly readsLevel: boolean;
}

/** What happens with a line's buffers. */
const MODE = { OFF: 0, ARMED: 1, CLOSING: 2, FINAL: 3 } as const;
/** Where a buffer is: with nobody, here for its line, or at the device. */
const AT = { FREE: 0, HERE: 1, DEVICE: 2 } as const;
const IS_LEVEL = 1;
const READS_LEVEL = 2;
/** INVALID answers in a row that are taken for honest accounts; further ones are answered slowly. */
const HONEST_INVALIDS = 3;
const ELEMENT_LENGTH = AVAIL_ELEMENT_OVERHEAD + 2;

/**
 * The eventq of one device: which buffer is whose, what came back in one, and what is queued again.
 * Every line that is armed has a buffer before any has a second; what is left over is shared, but
 * one buffer stays in reserve for each line that is not armed (docs/protocol.md, "GPIO over this
 * bus"). Buffers stay with their line while they go to and fro: an edge costs no allocation but its item.
 */
export class EventQueue implements PacketSource {
  /** Lines that are armed. */
  armed = 0;

  private readonly where: Uint8Array;
  private readonly lineOf: Uint16Array;
  private readonly free: Uint16Array;
  private freeCount: number;
  /** Buffers to be sent, in order: a ring. */
  private readonly ring: Uint16Array;
  private ringHead = 0;
  private ringCount = 0;
  /** Buffers for final accounts: they are sent also while others are held back. */
  private finals: number[] = [];
  private paused: number[] = [];
  /** Buffers of lines whose level is being read. */
  private readonly parked = new Map<number, number>();

  private readonly mode: Uint8Array;
  private readonly traits: Uint8Array;
  /** Buffers that belong to the line, wherever they are. */
  private readonly owned: Uint16Array;
  private readonly lastSeq: Uint32Array;
  private readonly invalids: Uint8Array;
  /** Milliseconds since start at which the line was last heard; only kept where it matters. */
  private readonly heardMs: Float64Array;

  /** Buffers that lines may have beyond their first, and how many they have. */
  private readonly spare: number;
  private extras = 0;
  private wantsTopUp = false;
  private quotaNow = 1;
  private isHeld = false;
  private linkUp = true;
  private readonly builder: VqAvailBuilder;
  private readonly inLen: number;

  constructor(private readonly options: EventQueueOptions) {
    const { size, lineCount, maxMsgSize, devNum, stamped } = options;
    this.where = new Uint8Array(size);
    this.lineOf = new Uint16Array(size);
    this.free = Uint16Array.from({ length: size }, (_, i) => size - 1 - i);
    this.freeCount = size;
    this.ring = new Uint16Array(size);
    this.mode = new Uint8Array(lineCount);
    this.traits = new Uint8Array(lineCount);
    this.owned = new Uint16Array(lineCount);
    this.lastSeq = new Uint32Array(lineCount);
    this.invalids = new Uint8Array(lineCount);
    this.heardMs = new Float64Array(lineCount);
    this.spare = Math.max(0, size - lineCount);
    this.inLen = stamped ? STAMPED_IRQ_RESPONSE_LENGTH : IRQ_RESPONSE_LENGTH;
    this.builder = new VqAvailBuilder(devNum, EVENTQ, maxMsgSize);
  }

  /** Whether a buffer is left for one more line. */
  canArm(line: number): boolean {
    return this.freeCount > 0 || this.owned[line]! > 0;
  }

  isArmed(line: number): boolean {
    return this.mode[line] === MODE.ARMED;
  }

  /** The interrupt of a line was enabled: counting starts anew, and its buffers are queued (H3). */
  arm(line: number, arming: Arming, nowMs: number): void {
    if (this.mode[line] !== MODE.ARMED) this.armed++;
    this.mode[line] = MODE.ARMED;
    this.traits[line] = (arming.isLevel ? IS_LEVEL : 0) | (arming.readsLevel ? READS_LEVEL : 0);
    this.lastSeq[line] = 0;
    this.invalids[line] = 0;
    this.heardMs[line] = nowMs;
    this.quotaNow = this.quota();
    // One that the device did not return with type NONE serves on.
    if (this.owned[line] === 0) this.give(line);
    this.wantsTopUp = true;
    this.options.wake(this);
  }

  /** Type NONE is being set: what comes back is taken, nothing is queued again. */
  close(line: number): void {
    this.disarm(line, MODE.CLOSING);
  }

  /**
   * The interrupt is off. Queues one more buffer, which comes back INVALID with the final count, and
   * then calls finalAccount; false when there is no buffer for that.
   */
  askFinalAccount(line: number): boolean {
    this.mode[line] = MODE.FINAL;
    if (!this.give(line)) {
      this.mode[line] = MODE.OFF;
      return false;
    }
    this.options.wake(this);
    return true;
  }

  /** Nothing of this line is taken any more. */
  off(line: number): void {
    this.disarm(line, MODE.OFF);
  }

  /** Buffers of this line that are at the device are lost: they are free again. */
  writeOff(line: number): void {
    for (let id = 0; id < this.where.length; id++) {
      if (this.where[id] === AT.DEVICE && this.lineOf[id] === line) this.release(id);
    }
  }

  /** Holds back what would be queued again. Returns the lines a device that does not count was left without. */
  hold(held: boolean): number[] {
    const released = this.isHeld && !held;
    this.isHeld = held;
    if (!released) return [];
    this.options.wake(this);
    if (this.options.stamped) return [];
    return Array.from({ length: this.ringCount }, (_, i) => this.lineOf[this.ringAt(i)]!);
  }

  /** The channel broke: nothing is sent until {@link resume}. */
  suspend(): void {
    this.linkUp = false;
  }

  /** The device forgot its buffers and nothing else: all are queued again. */
  resume(nowMs: number): void {
    this.linkUp = true;
    this.paused = [];
    this.finals = [];
    this.ringHead = 0;
    this.ringCount = 0;
    const kept = new Set(this.parked.values());
    for (let id = 0; id < this.where.length; id++) {
      if (this.where[id] !== AT.FREE && !kept.has(id)) this.release(id);
    }
    for (let line = 0; line < this.mode.length; line++) {
      this.heardMs[line] = nowMs;
      this.invalids[line] = 0;
      const wants = this.mode[line] === MODE.ARMED || this.mode[line] === MODE.FINAL;
      if (wants && this.owned[line] === 0) this.give(line);
    }
    this.wantsTopUp = true;
    this.options.wake(this);
  }

  /** The pause is over: buffers that had come back at once are queued again. */
  endPause(): void {
    for (const id of this.paused.splice(0)) this.sendAgain(id);
    this.options.wake(this);
  }

  /** The level after a both-edge interrupt was read: the line may have its buffer again. */
  levelRead(line: number): void {
    const id = this.parked.get(line);
    if (id === undefined) return;
    this.parked.delete(line);
    this.sendAgain(id);
    this.options.wake(this);
  }

  /** Armed lines of which nothing was heard since `sinceMs`. */
  silentLines(sinceMs: number): number[] {
    const silent: number[] = [];
    for (let line = 0; line < this.mode.length; line++) {
      if (this.mode[line] === MODE.ARMED && this.heardMs[line]! < sinceMs) silent.push(line);
    }
    return silent;
  }

  /** Takes the elements of a VQ_USED and adds what they say to `items`. */
  takeUsed(packet: Uint8Array, count: number, items: InterruptItem[], nowMs: number): void {
    const { counters, stamped } = this.options;
    const { where, lineOf, mode, inLen } = this;
    const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
    let at = QUEUE_MESSAGE_OVERHEAD;
    let edges = 0;
    for (let i = 0; i < count; i++) {
      const id = view.getUint16(at, true);
      const length = view.getUint16(at + 2, true);
      const start = at + USED_ELEMENT_OVERHEAD;
      at = start + length;
      if (id >= where.length || where[id] !== AT.DEVICE) {
        counters.count('used_unknown_id');
        continue;
      }
      if (length > inLen) {
        counters.count('used_too_long');
        continue;
      }
      const line = lineOf[id]!;
      where[id] = AT.HERE;
      this.heardMs[line] = nowMs;
      if (length < inLen) {
        this.takeShort(id, line, items);
      } else if (packet[start] !== IRQ_STATUS.VALID) {
        this.takeInvalid(id, line, view, start, items);
      } else if (mode[line] === MODE.ARMED || mode[line] === MODE.CLOSING) {
        if (!stamped) {
          items.push({ kind: 'edge', line, level: null, seq: null, deviceNs: null });
          edges++;
        } else if (this.isNews(line, view.getUint32(start + 4, true))) {
          items.push({
            kind: 'edge',
            line,
            level: packet[start + 1] === 0 ? 0 : 1,
            seq: this.lastSeq[line]!,
            deviceNs: view.getBigUint64(start + 8, true),
          });
          edges++;
        }
        this.invalids[line] = 0;
        this.afterEdge(id, line);
      } else {
        counters.count('events_of_lines_that_are_off');
        this.release(id);
      }
    }
    counters.count('edges', edges);
    if (this.ringCount > 0 || this.wantsTopUp) this.options.wake(this);
  }

  nextPacket(limit: number): Uint8Array | undefined {
    if (!this.linkUp) return undefined;
    const room = Math.max(limit, QUEUE_MESSAGE_OVERHEAD + ELEMENT_LENGTH);
    while (this.finals.length > 0 && this.put(this.finals[0]!, room)) this.finals.shift();
    if (!this.isHeld) this.fillFromRing(room);
    const { count } = this.builder;
    if (count === 0) return undefined;
    this.options.counters.count('event_buffers_queued', count);
    return this.builder.take();
  }

  private fillFromRing(room: number): void {
    if (this.wantsTopUp) this.topUp();
    while (this.ringCount > 0 && this.put(this.ring[this.ringHead]!, room)) {
      this.ringHead = this.ringIndex(1);
      this.ringCount--;
    }
  }

  private put(id: number, room: number): boolean {
    if (!this.builder.addLine(id, this.inLen, this.lineOf[id]!, room)) return false;
    this.where[id] = AT.DEVICE;
    return true;
  }

  /** Whether `seq` is newer than the last one taken since the interrupt was enabled; then it is the last. */
  private isNews(line: number, seq: number): boolean {
    if (((seq - this.lastSeq[line]!) | 0) <= 0) {
      this.options.counters.count('events_repeated');
      return false;
    }
    this.lastSeq[line] = seq;
    return true;
  }

  private afterEdge(id: number, line: number): void {
    const traits = this.traits[line]!;
    if (this.mode[line] !== MODE.ARMED) {
      this.release(id);
    } else if (traits === 0) {
      if (this.owned[line]! > 1 && this.owned[line]! > this.quotaNow) this.release(id);
      else this.push(id);
    } else if ((traits & READS_LEVEL) !== 0) {
      this.parked.set(line, id);
      this.options.readLevel(line);
    } else {
      // A level that stays active comes back at once (D15): its pace is ours.
      this.pause(id);
    }
  }

  /** A buffer that came back INVALID: an account where the device counts, nothing elsewhere (H7). */
  private takeInvalid(id: number, line: number, view: DataView, start: number, items: InterruptItem[]): void {
    this.options.counters.count('events_invalid');
    const mode = this.mode[line];
    if (mode === MODE.OFF) {
      this.release(id);
      return;
    }
    if (this.options.stamped) this.takeAccount(line, view, start, items);
    else if (mode === MODE.ARMED) items.push({ kind: 'uncounted', line });
    if (mode === MODE.ARMED) {
      this.againAfterInvalid(id, line);
      return;
    }
    this.release(id);
    if (mode === MODE.FINAL) {
      this.mode[line] = MODE.OFF;
      this.options.finalAccount(line);
    }
  }

  private takeAccount(line: number, view: DataView, start: number, items: InterruptItem[]): void {
    const seq = view.getUint32(start + 4, true);
    if (((seq - this.lastSeq[line]!) | 0) < 0) {
      this.options.counters.count('events_repeated');
      return;
    }
    this.lastSeq[line] = seq;
    this.options.counters.count('accounts');
    const level: Level = view.getUint8(start + 1) === 0 ? 0 : 1;
    items.push({ kind: 'account', line, level, seq, deviceNs: view.getBigUint64(start + 8, true) });
  }

  /** An answer too short for what was negotiated: whatever it was, it is lost. */
  private takeShort(id: number, line: number, items: InterruptItem[]): void {
    this.options.counters.count('events_too_short');
    if (this.mode[line] !== MODE.ARMED) {
      this.release(id);
      if (this.mode[line] !== MODE.FINAL) return;
      this.mode[line] = MODE.OFF;
      this.options.finalAccount(line);
      return;
    }
    items.push({ kind: 'uncounted', line });
    this.againAfterInvalid(id, line);
  }

  /** A device that answers INVALID again and again is not given a busy loop. */
  private againAfterInvalid(id: number, line: number): void {
    if (this.invalids[line]! >= HONEST_INVALIDS) {
      this.pause(id);
      return;
    }
    this.invalids[line]!++;
    this.push(id);
  }

  private pause(id: number): void {
    this.paused.push(id);
    if (this.paused.length === 1) this.options.pause();
  }

  /** Buffers a line may have now. */
  private quota(): number {
    const { depth } = this.options;
    return this.armed === 0 ? 1 : Math.min(depth, 1 + Math.floor(this.spare / this.armed));
  }

  /** Shares out the spare buffers. */
  private topUp(): void {
    this.wantsTopUp = false;
    for (let line = 0; line < this.mode.length && this.freeCount > 0; line++) {
      if (this.mode[line] !== MODE.ARMED) continue;
      const most = this.traits[line] === 0 ? this.quotaNow : 1;
      if (this.owned[line] === 0) this.give(line);
      while (this.owned[line]! < most && this.extras < this.spare && this.give(line));
    }
  }

  /** Gives the line one more buffer. */
  private give(line: number): boolean {
    if (this.freeCount === 0) return false;
    const id = this.free[--this.freeCount]!;
    this.lineOf[id] = line;
    this.where[id] = AT.HERE;
    if (this.owned[line]!++ > 0) this.extras++;
    if (this.mode[line] === MODE.FINAL) this.finals.push(id);
    else this.push(id);
    return true;
  }

  private sendAgain(id: number): void {
    if (this.mode[this.lineOf[id]!] === MODE.ARMED) this.push(id);
    else this.release(id);
  }

  private push(id: number): void {
    this.ring[this.ringIndex(this.ringCount)] = id;
    this.ringCount++;
  }

  private release(id: number): void {
    const line = this.lineOf[id]!;
    this.where[id] = AT.FREE;
    this.free[this.freeCount++] = id;
    if (--this.owned[line]! > 0) this.extras--;
    this.wantsTopUp = true;
  }

  private disarm(line: number, mode: number): void {
    if (this.mode[line] === MODE.ARMED) {
      this.armed--;
      this.quotaNow = this.quota();
      this.wantsTopUp = true;
    }
    this.mode[line] = mode;
    this.takeBack(line);
  }

  /** Frees the line's buffers that are not at the device. */
  private takeBack(line: number): void {
    const keep: number[] = [];
    for (let i = 0; i < this.ringCount; i++) {
      const id = this.ringAt(i);
      if (this.lineOf[id] === line) this.release(id);
      else keep.push(id);
    }
    this.ringHead = 0;
    this.ringCount = keep.length;
    this.ring.set(keep);
    for (const id of [...this.paused, ...this.finals]) if (this.lineOf[id] === line) this.release(id);
    this.paused = this.paused.filter((id) => this.lineOf[id] !== line);
    this.finals = this.finals.filter((id) => this.lineOf[id] !== line);
    const parked = this.parked.get(line);
    if (parked === undefined) return;
    this.parked.delete(line);
    this.release(parked);
  }

  private ringIndex(offset: number): number {
    const index = this.ringHead + offset;
    return index >= this.ring.length ? index - this.ring.length : index;
  }

  private ringAt(offset: number): number {
    return this.ring[this.ringIndex(offset)]!;
  }
}
