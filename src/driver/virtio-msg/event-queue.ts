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
import { EdgeNumbers } from './edge-numbers.js';
import { EventBuffers } from './event-buffers.js';
import type { PacketSource } from './outbox.js';
import { RearmPace, type RearmPaceOptions } from './rearm-pace.js';

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
  /** Of queueing buffers again. */
  readonly pace: Omit<RearmPaceOptions, 'wake'>;
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
const IS_LEVEL = 1;
const READS_LEVEL = 2;
/** INVALID answers in a row that are taken for honest accounts; further ones are answered slowly. */
const HONEST_INVALIDS = 3;
const ELEMENT_LENGTH = AVAIL_ELEMENT_OVERHEAD + 2;

/**
 * Buffers a line starts with where several are allowed; it gets more as it uses them. All that a
 * line has come back INVALID when its interrupt is disabled, which a slow line has to carry.
 */
const FIRST_BUFFERS = 4;

/**
 * The eventq of one device: what came back in its buffers, and which are queued again. An edge
 * costs no allocation but its item.
 */
export class EventQueue implements PacketSource {
  /** Lines that are armed. */
  private armed = 0;
  private readonly buffers: EventBuffers;
  private readonly mode: Uint8Array;
  private readonly traits: Uint8Array;
  private readonly numbers: EdgeNumbers;
  /** INVALID answers in a row. */
  private readonly invalids: Uint8Array;
  /** CLOCK_MONOTONIC in ms at which the line was last heard. */
  private readonly heardMs: Float64Array;

  /** Buffers a line may have, as long as that many lines are armed. */
  private quota = 1;
  private wantsTopUp = false;
  private isHeld = false;
  private linkUp = true;
  private readonly builder: VqAvailBuilder;
  private readonly pace: RearmPace;
  private readonly inLen: number;

  constructor(private readonly options: EventQueueOptions) {
    const { size, lineCount, maxMsgSize, devNum, stamped } = options;
    this.buffers = new EventBuffers(size, lineCount);
    this.mode = new Uint8Array(lineCount);
    this.traits = new Uint8Array(lineCount);
    this.numbers = new EdgeNumbers(lineCount);
    this.invalids = new Uint8Array(lineCount);
    this.heardMs = new Float64Array(lineCount);
    this.inLen = stamped ? STAMPED_IRQ_RESPONSE_LENGTH : IRQ_RESPONSE_LENGTH;
    this.builder = new VqAvailBuilder(devNum, EVENTQ, maxMsgSize);
    this.pace = new RearmPace({ ...options.pace, wake: () => options.wake(this) });
  }

  /** Whether a buffer is left for one more line. */
  canArm(line: number): boolean {
    return this.buffers.freeCount > 0 || this.buffers.owned[line]! > 0;
  }

  isArmed(line: number): boolean {
    return this.mode[line] === MODE.ARMED;
  }

  /** The interrupt of a line was enabled: counting starts anew, and its buffers are queued (H3). */
  arm(line: number, arming: Arming, nowMs: number): void {
    if (this.mode[line] !== MODE.ARMED) this.countArmed(1);
    this.mode[line] = MODE.ARMED;
    this.traits[line] = (arming.isLevel ? IS_LEVEL : 0) | (arming.readsLevel ? READS_LEVEL : 0);
    this.numbers.restart(line);
    this.invalids[line] = 0;
    this.heardMs[line] = nowMs;
    // One that the device did not return with type NONE serves on.
    if (this.buffers.owned[line] === 0) this.queueNew(line);
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
    const id = this.buffers.give(line);
    if (id < 0) return false;
    this.mode[line] = MODE.FINAL;
    this.buffers.pushUrgent(id);
    this.options.wake(this);
    return true;
  }

  /** Nothing of this line is taken any more. */
  off(line: number): void {
    this.disarm(line, MODE.OFF);
  }

  /** Buffers of this line that are at the device are lost: they are free again. */
  writeOff(line: number): void {
    this.buffers.writeOff(line);
  }

  /** Holds back what would be queued again. Returns the lines a device that does not count was left without. */
  hold(held: boolean): number[] {
    const released = this.isHeld && !held;
    this.isHeld = held;
    if (!released) return [];
    this.options.wake(this);
    if (this.options.stamped) return [];
    return this.buffers.waitingLines();
  }

  /** The channel broke: nothing is sent until {@link resume}. */
  suspend(): void {
    this.linkUp = false;
    this.pace.stop();
  }

  /** The device forgot its buffers and nothing else: all are queued again. */
  resume(nowMs: number): void {
    this.linkUp = true;
    this.buffers.reclaim();
    for (let line = 0; line < this.mode.length; line++) {
      this.heardMs[line] = nowMs;
      this.invalids[line] = 0;
      if (this.mode[line] === MODE.FINAL) this.buffers.pushUrgent(this.buffers.give(line));
      else if (this.mode[line] === MODE.ARMED && this.buffers.owned[line] === 0) this.queueNew(line);
    }
    this.wantsTopUp = true;
    this.options.wake(this);
  }

  /** The pause is over: buffers that had come back at once are queued again. */
  endPause(): void {
    this.buffers.endPause();
    this.options.wake(this);
  }

  /** The level after a both-edge interrupt was read: the line may have its buffer again. */
  levelRead(line: number): void {
    this.buffers.unpark(line);
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
    const { buffers, mode, inLen } = this;
    const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
    let at = QUEUE_MESSAGE_OVERHEAD;
    let edges = 0;
    for (let i = 0; i < count; i++) {
      const id = view.getUint16(at, true);
      const length = view.getUint16(at + 2, true);
      const start = at + USED_ELEMENT_OVERHEAD;
      at = start + length;
      if (!buffers.isOut(id)) {
        counters.count('used_unknown_id');
        continue;
      }
      if (length > inLen) {
        counters.count('used_too_long');
        continue;
      }
      const line = buffers.lineOf[id]!;
      buffers.cameBack(id);
      this.heardMs[line] = nowMs;
      if (length < inLen) {
        this.takeShort(id, line, items);
      } else if (packet[start] !== IRQ_STATUS.VALID) {
        this.takeInvalid(id, line, view, start, items);
      } else if (mode[line] === MODE.ARMED || mode[line] === MODE.CLOSING) {
        if (!stamped) {
          items.push({ kind: 'edge', line, level: null, seq: null, deviceNs: null });
          edges++;
        } else if (this.takeStamped(line, view, start, items)) edges++;
        this.invalids[line] = 0;
        this.afterEdge(id, line);
      } else {
        counters.count('events_of_lines_that_are_off');
        buffers.release(id);
      }
    }
    counters.count('edges', edges);
    if (this.wantsTopUp) this.options.wake(this);
    else if (buffers.waiting > 0) this.pace.cameBack(nowMs);
  }

  nextPacket(limit: number): Uint8Array | undefined {
    if (!this.linkUp) return undefined;
    this.pace.sent();
    const room = Math.max(limit, QUEUE_MESSAGE_OVERHEAD + ELEMENT_LENGTH);
    if (this.wantsTopUp && !this.isHeld) this.topUp();
    this.buffers.fill(this.builder, this.inLen, room, this.isHeld);
    const { count } = this.builder;
    if (count === 0) return undefined;
    this.options.counters.count('event_buffers_queued', count);
    return this.builder.take();
  }

  /** False for an edge that was taken before. */
  private takeStamped(line: number, view: DataView, start: number, items: InterruptItem[]): boolean {
    const seq = view.getUint32(start + 4, true);
    if (this.numbers.ahead(line, seq) <= 0) {
      this.options.counters.count('events_repeated');
      return false;
    }
    this.numbers.take(line, seq);
    const level: Level = view.getUint8(start + 1) === 0 ? 0 : 1;
    items.push({ kind: 'edge', line, level, seq, deviceNs: view.getBigUint64(start + 8, true) });
    return true;
  }

  private afterEdge(id: number, line: number): void {
    const { buffers } = this;
    const traits = this.traits[line]!;
    if (this.mode[line] !== MODE.ARMED) {
      buffers.release(id);
    } else if (traits === 0) {
      this.queueAgain(id, line);
    } else if ((traits & READS_LEVEL) !== 0) {
      buffers.park(id);
      this.options.readLevel(line);
    } else {
      // A level that stays active comes back at once (D15): its pace is ours.
      this.pause(id);
    }
  }

  /** Queues a buffer again, one more with it where the line uses most of what it has, or one less. */
  private queueAgain(id: number, line: number): void {
    const { buffers } = this;
    const owned = buffers.owned[line]!;
    if (owned > 1 && owned > this.quota) {
      buffers.release(id);
      this.wantsTopUp = true;
      return;
    }
    buffers.push(id);
    const out = buffers.out[line]!;
    if (2 * out <= owned) this.pace.hurry();
    if (owned < this.quota && 2 * out < owned && buffers.hasSpare) this.queueNew(line);
  }

  /** A buffer that came back INVALID: an account where the device counts, nothing elsewhere (H7). */
  private takeInvalid(id: number, line: number, view: DataView, start: number, items: InterruptItem[]): void {
    this.options.counters.count('events_invalid');
    const mode = this.mode[line];
    if (mode === MODE.OFF) {
      this.buffers.release(id);
      return;
    }
    if (this.options.stamped) this.takeAccount(line, view, start, items);
    else if (mode === MODE.ARMED) items.push({ kind: 'uncounted', line });
    if (mode === MODE.ARMED) {
      this.againAfterInvalid(id, line);
      return;
    }
    this.buffers.release(id);
    if (mode === MODE.FINAL) {
      this.mode[line] = MODE.OFF;
      this.options.finalAccount(line);
    }
  }

  private takeAccount(line: number, view: DataView, start: number, items: InterruptItem[]): void {
    const seq = view.getUint32(start + 4, true);
    const news = this.numbers.ahead(line, seq);
    if (news < 0) {
      this.options.counters.count('events_repeated');
      return;
    }
    // Each buffer that comes back with type NONE says the same; the last one is asked for.
    if (news === 0 && this.mode[line] === MODE.CLOSING) return;
    this.numbers.take(line, seq);
    this.options.counters.count('accounts');
    const level: Level = view.getUint8(start + 1) === 0 ? 0 : 1;
    items.push({ kind: 'account', line, level, seq, deviceNs: view.getBigUint64(start + 8, true) });
  }

  /** An answer too short for what was negotiated: whatever it was, it is lost. */
  private takeShort(id: number, line: number, items: InterruptItem[]): void {
    this.options.counters.count('events_too_short');
    if (this.mode[line] !== MODE.ARMED) {
      this.buffers.release(id);
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
    if (this.invalids[line]! < HONEST_INVALIDS) {
      this.invalids[line]!++;
      this.buffers.push(id);
      this.pace.hurry();
    } else if (this.buffers.owned[line]! > 1) this.buffers.release(id);
    else this.pause(id);
  }

  private pause(id: number): void {
    if (this.buffers.pause(id)) this.options.pause();
  }

  private countArmed(by: number): void {
    this.armed += by;
    const { depth } = this.options;
    this.quota = this.armed === 0 ? 1 : Math.min(depth, 1 + Math.floor(this.buffers.spare / this.armed));
    this.wantsTopUp = true;
  }

  /** Every armed line has its first buffers, as far as there are any. */
  private topUp(): void {
    this.wantsTopUp = false;
    const { buffers, mode, traits } = this;
    for (let line = 0; line < mode.length && buffers.freeCount > 0; line++) {
      if (mode[line] !== MODE.ARMED) continue;
      if (buffers.owned[line] === 0) this.queueNew(line);
      const most = traits[line] === 0 ? Math.min(this.quota, FIRST_BUFFERS) : 1;
      while (buffers.owned[line]! < most && buffers.hasSpare) this.queueNew(line);
    }
  }

  private queueNew(line: number): void {
    const id = this.buffers.give(line);
    if (id >= 0) this.buffers.push(id);
  }

  private disarm(line: number, mode: number): void {
    if (this.mode[line] === MODE.ARMED) this.countArmed(-1);
    this.mode[line] = mode;
    this.buffers.takeBack(line);
  }
}
