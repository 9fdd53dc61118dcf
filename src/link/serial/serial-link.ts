import { BehaviorSubject, type Observable, Subject, Subscription } from 'rxjs';
import type { Time, TimerHandle } from '../../base/clock.js';
import { BridgeError, messageOf } from '../../base/errors.js';
import { type Timeouts, timeouts } from '../../base/timeouts.js';
import {
  DISCARD_REASONS,
  type DiscardedFrame,
  MAX_PAYLOAD,
  type SerialFrame,
} from '../../wire/serial-frame.js';
import type { ByteStream, ReceivedBytes } from '../byte-stream.js';
import type { LinkObserver } from '../link-observer.js';
import type { LinkCounters, LinkDownCause, LinkState, PacketBatch, PacketLink } from '../packet-link.js';
import { SendQueue } from '../send-queue.js';
import { receiveDamage, receiveFrame } from './arq-receive.js';
import { type ChannelChange, shouldProbePlain } from './arq-session.js';
import { type ArqState, newArq, type SerialMode } from './arq-state.js';
import { deadline, sendPacket, sendRoom, tick, transmit, written } from './arq-transmit.js';
import { encodeFrames } from './encode-frames.js';
import { FateWatch } from './frame-fate.js';
import { FrameSplitter } from './frame-splitter.js';
import { lineOffer } from './line-offer.js';

export interface SerialLinkOptions {
  readonly role: 'driver' | 'device';
  readonly time: Time;
  /** As Math.random: session values come from it. */
  readonly random: () => number;
  /** `reliable` unless given; `auto` is for drivers. */
  readonly mode?: SerialMode;
  /** The largest packet to offer, 64..1024; less on a slow line. */
  readonly maxPayload?: number;
  /** Frames back to back to offer, 1..7; fewer on a slow line. */
  readonly window?: number;
  /** Packets that may wait behind `send`. */
  readonly queue?: number;
  /** Limits other than the defaults. */
  readonly timeouts?: Partial<Timeouts>;
  /** False while no packet can be taken: DATA is then treated as damaged, and comes again. */
  readonly hasRoom?: () => boolean;
  /**
   * A request that any device of the dialect answers. A driver in `auto` sends it PLAIN when its
   * RSTs stay unanswered; the answer proves a PLAIN device, and is not passed on.
   */
  readonly plainProbe?: () => Uint8Array;
  /** Is told of every frame; for traces. */
  readonly observer?: LinkObserver;
}

const DEFAULT_QUEUE = 256;
/** Frames to acknowledge from which on the other end is taken to wait for it: half of the largest window. */
const BULK_FRAMES = 4;
/** Bytes not yet written out above which nothing more is handed to the stream. */
const MAX_UNWRITTEN = 32 * 1024;

/**
 * The serial link over a byte stream (docs/protocol.md, "Serial link"): drives the state machine
 * of arq-state.ts with the stream, the clock and one timer. Frames of one turn go out in one write.
 */
export class SerialLink implements PacketLink {
  readonly state$: Observable<LinkState>;
  readonly packets$: Observable<PacketBatch>;
  readonly room$: Observable<void>;

  private readonly states = new BehaviorSubject<LinkState>({ kind: 'opening' });
  private readonly incoming = new Subject<PacketBatch>();
  private readonly roomMade = new Subject<void>();
  private readonly queue: SendQueue;
  private readonly limits: Timeouts;
  private readonly splitter = new FrameSplitter();
  private readonly discarded = Object.fromEntries(DISCARD_REASONS.map((r) => [`discarded_${r}`, 0]));
  private readonly traffic = { bytes_received: 0, bytes_sent: 0 };
  private readonly subscriptions = new Subscription();

  private readonly opened: Promise<void>;
  private stream: ByteStream | undefined;
  private arq: ArqState | undefined;
  /** Only with an observer. */
  private fates: FateWatch | undefined;
  private timer: TimerHandle | undefined;
  private timerAt = Number.POSITIVE_INFINITY;
  private pumpScheduled = false;
  /** Inside a step that ends with a pump of its own. */
  private inTurn = false;
  private hadRoom = false;
  /** Packets of the read that is being decoded. */
  private batch: Uint8Array[] = [];
  private arrivedNs = 0n;
  private receivedAt = 0;
  /** Writes that are not written out, and when one last was. */
  private writesOut = 0;
  private writeProgressAt = 0;
  private lastWrittenId = 0;

  /** A link on a stream that is open, or will be; it goes `down` when that fails. */
  constructor(
    readonly name: string,
    stream: ByteStream | Promise<ByteStream>,
    private readonly options: SerialLinkOptions,
  ) {
    this.state$ = this.states.asObservable();
    this.packets$ = this.incoming.asObservable();
    this.room$ = this.roomMade.asObservable();
    this.limits = timeouts(options.timeouts);
    this.queue = new SendQueue(options.queue ?? DEFAULT_QUEUE);
    if (stream instanceof Promise) {
      this.opened = stream.then(
        (opened) => this.attach(opened),
        (error) => this.end('error', messageOf(error)),
      );
    } else {
      this.opened = Promise.resolve();
      this.attach(stream);
    }
  }

  get state(): LinkState {
    return this.states.value;
  }

  get maxPacket(): number {
    return this.arq?.maxPayload ?? Math.min(this.options.maxPayload ?? MAX_PAYLOAD, MAX_PAYLOAD);
  }

  get packetHint(): number {
    return Math.min(this.arq?.hint ?? MAX_PAYLOAD, this.maxPacket);
  }

  get room(): number {
    if (this.arq === undefined || this.states.value.kind !== 'up') return 0;
    return Math.max(0, sendRoom(this.arq) - this.queue.length);
  }

  get writesAnyway(): boolean {
    return this.arq !== undefined && this.receivedAt >= this.arq.ackAt;
  }

  get counters(): LinkCounters {
    return { ...this.traffic, ...this.arq?.counters, ...this.discarded };
  }

  send(packet: Uint8Array): Promise<void> {
    if (this.states.value.kind !== 'up') {
      return Promise.reject(new BridgeError('LINK_DOWN', `${this.name} is not up`));
    }
    if (packet.length > this.maxPacket) {
      const message = `a packet of ${packet.length} bytes: ${this.name} takes ${this.maxPacket}`;
      return Promise.reject(new BridgeError('INVALID_ARGUMENT', message));
    }
    const sent = this.queue.add(packet, this.name);
    this.noteRoomUsed();
    this.schedulePump();
    return sent;
  }

  async close(): Promise<void> {
    this.end('closed', 'closed');
    await this.opened;
    await this.stream?.close();
  }

  private attach(stream: ByteStream): void {
    this.stream = stream;
    if (this.ended) {
      void stream.close();
      return;
    }
    const { role, mode = 'reliable', random } = this.options;
    const offer = lineOffer(stream.bytesPerSecond, this.options.maxPayload);
    const config = {
      role,
      mode: role === 'device' && mode === 'auto' ? 'reliable' : mode,
      window: Math.max(1, Math.min(offer.window, this.options.window ?? offer.window)),
      maxPayload: offer.maxPayload,
      bytesPerMs: (stream.bytesPerSecond ?? Number.POSITIVE_INFINITY) / 1000,
      limits: this.limits,
    } as const;
    this.arq = newArq(config, Math.floor(random() * 2 ** 32), this.now());
    if (this.options.observer !== undefined) this.fates = new FateWatch(this.arq.counters);
    if (this.arq.phase === 'plain') this.takeChange({ kind: 'up' });
    this.subscriptions.add(stream.data$.subscribe((received) => this.receive(received)));
    this.subscriptions.add(stream.end$.subscribe(({ cause, reason }) => this.end(cause, reason)));
    if (this.states.value.kind !== 'down') this.schedulePump();
  }

  private get ended(): boolean {
    return this.states.value.kind === 'down';
  }

  private now(): number {
    return toMs(this.options.time.monotonicNs());
  }

  private receive({ arrivedNs, bytes }: ReceivedBytes): void {
    const arq = this.arq!;
    this.traffic.bytes_received += bytes.length;
    this.arrivedNs = arrivedNs;
    this.receivedAt = toMs(arrivedNs);
    this.inTurn = true;
    this.splitter.push(bytes, this.takeFrame);
    // In bulk the other end waits for the acknowledgement: it goes out before the packets are looked at.
    if (arq.unacknowledged >= BULK_FRAMES && this.writesAnyway) this.pump();
    const waitsForAnswers = this.batch.length > 0 && this.writesAnyway;
    this.deliver();
    this.finishTurn(waitsForAnswers);
  }

  private readonly takeFrame = (frame: SerialFrame | DiscardedFrame): void => {
    const arq = this.arq!;
    if (this.ended) return;
    if (frame.kind === 'discarded') {
      this.discarded[`discarded_${frame.reason}`]!++;
      this.options.observer?.discarded(frame, this.arrivedNs);
      receiveDamage(arq, this.receivedAt);
      return;
    }
    const hasRoom = this.options.hasRoom?.() ?? true;
    this.fates?.mark();
    const { packet, change } = receiveFrame(arq, frame, this.receivedAt, hasRoom);
    if (this.fates !== undefined) {
      const fate = this.fates.fateOf(frame, packet !== undefined);
      this.options.observer!.received(frame, fate, this.arrivedNs);
    }
    if (packet !== undefined) this.batch.push(packet);
    if (change !== undefined) this.takeChange(change);
  };

  /** Passes on what was received; nothing that a subscriber does here can be in the middle of a frame. */
  private deliver(): void {
    if (this.batch.length === 0) return;
    const packets = this.batch;
    this.batch = [];
    if (this.states.value.kind === 'up') this.incoming.next({ arrivedNs: this.arrivedNs, packets });
  }

  private takeChange(change: ChannelChange): void {
    const arq = this.arq!;
    if (change.kind === 'replaced') this.batch = [];
    else this.deliver();
    if (this.ended) return;
    if (change.kind !== 'up') {
      this.splitter.maxPayload = MAX_PAYLOAD;
      this.hadRoom = false;
      this.queue.fail(new BridgeError('LINK_DOWN', `${this.name}: ${change.reason}`));
      this.states.next({ kind: 'opening', reason: change.reason });
    }
    if (change.kind !== 'broken' && arq.phase !== 'opening') {
      this.splitter.maxPayload = arq.phase === 'up' ? arq.maxPayload : MAX_PAYLOAD;
      const delivery = arq.phase === 'up' ? 'reliable' : 'plain';
      this.states.next({ kind: 'up', channel: arq.channel, delivery });
    }
  }

  /** `waitsForAnswers`: what receivers send in their microtasks goes out with the acknowledgement that is due. */
  private finishTurn(waitsForAnswers = false): void {
    this.reportRoom();
    this.inTurn = false;
    if (waitsForAnswers) this.schedulePump();
    else this.pump();
  }

  private reportRoom(): void {
    const hasRoom = this.room > 0;
    const made = hasRoom && !this.hadRoom;
    this.hadRoom = hasRoom;
    if (made) this.roomMade.next();
  }

  /** What was sent may have taken the last room; that more was made is said by {@link reportRoom} only. */
  private noteRoomUsed(): void {
    if (this.hadRoom) this.hadRoom = this.room > 0;
  }

  /** Sends that are made one after the other go out together. */
  private schedulePump(): void {
    if (this.pumpScheduled || this.inTurn) return;
    this.pumpScheduled = true;
    queueMicrotask(this.pumpAfterMicrotasks);
  }

  /** A tick from here runs when all microtasks are done: what they send goes out in the same write. */
  private readonly pumpAfterMicrotasks = (): void => process.nextTick(this.runScheduledPump);

  private readonly runScheduledPump = (): void => {
    this.pumpScheduled = false;
    this.pump();
  };

  /** Hands all that is due to the stream in one write, and sets the timer. */
  private pump(): void {
    const { arq, stream } = this;
    if (arq === undefined || stream === undefined || this.ended) return;
    const now = this.now();
    if (stream.pendingBytes < MAX_UNWRITTEN) {
      while (this.queue.length > 0 && sendRoom(arq) > 0) sendPacket(arq, this.queue.take());
      const probe = arq.phase === 'opening' && now >= arq.nextRstAt && shouldProbePlain(arq);
      const resentBefore = arq.counters.data_resent;
      const frames = transmit(arq, now);
      if (probe && this.options.plainProbe !== undefined) {
        frames.push({ kind: 'plain', payload: this.options.plainProbe() });
      }
      if (frames.length > 0) {
        const resent = arq.counters.data_resent - resentBefore;
        this.options.observer?.sent(frames, resent, this.options.time.monotonicNs());
        this.write(stream, frames, arq.writeId, now);
      }
    }
    this.noteRoomUsed();
    this.setTimer(now);
  }

  private write(stream: ByteStream, frames: readonly SerialFrame[], writeId: number, now: number): void {
    const bytes = encodeFrames(frames);
    this.traffic.bytes_sent += bytes.length;
    if (this.writesOut++ === 0) this.writeProgressAt = now;
    stream.write(bytes).then(
      () => this.noteWritten(writeId),
      // The stream has ended, or is about to say so.
      () => undefined,
    );
  }

  private noteWritten(writeId: number): void {
    this.writesOut--;
    if (this.ended) return;
    const now = this.now();
    this.writeProgressAt = now;
    this.lastWrittenId = Math.max(this.lastWrittenId, writeId);
    written(this.arq!, this.lastWrittenId, now);
    this.reportRoom();
    // Something may be due that a full stream kept from going out.
    if (this.queue.length > 0 || deadline(this.arq!) <= now) this.pump();
    else this.setTimer(now);
  }

  private setTimer(now: number): void {
    // What a full stream holds back goes out when it has written something.
    const full = this.stream!.pendingBytes >= MAX_UNWRITTEN;
    const at = Math.min(full ? Number.POSITIVE_INFINITY : deadline(this.arq!), this.stallAt());
    // A timer that is early finds nothing to do and sets itself again: cheaper than moving it each time.
    if (at >= this.timerAt || at === Number.POSITIVE_INFINITY) return;
    this.clearTimer();
    this.timerAt = at;
    this.timer = this.options.time.set(() => this.timerRan(), Math.max(at - now, MIN_TIMER_MS));
  }

  private clearTimer(): void {
    if (this.timer !== undefined) this.options.time.clear(this.timer);
    this.timer = undefined;
    this.timerAt = Number.POSITIVE_INFINITY;
  }

  private timerRan(): void {
    this.timer = undefined;
    this.timerAt = Number.POSITIVE_INFINITY;
    const now = this.now();
    if (now >= this.stallAt()) {
      this.end('error', 'the port takes no bytes: flow control, or nobody reads at the other end');
      void this.stream?.close();
      return;
    }
    this.inTurn = true;
    const change = tick(this.arq!, now);
    if (change !== undefined) this.takeChange(change);
    this.finishTurn();
  }

  /** When a driver gives up a port that writes nothing out. A device's UART never does. */
  private stallAt(): number {
    if (this.writesOut === 0 || this.options.role === 'device') return Number.POSITIVE_INFINITY;
    return this.writeProgressAt + this.limits.write_stall;
  }

  private end(cause: LinkDownCause, reason: string): void {
    if (this.ended) return;
    this.subscriptions.unsubscribe();
    this.clearTimer();
    this.batch = [];
    this.queue.fail(new BridgeError('LINK_DOWN', `${this.name}: ${reason}`));
    this.states.next({ kind: 'down', reason, cause });
    this.states.complete();
    this.incoming.complete();
    this.roomMade.complete();
  }
}

/** Shorter timers run at once, and a clock that is read a little early would run them over and over. */
const MIN_TIMER_MS = 0.05;

function toMs(ns: bigint): number {
  return Number(ns) / 1e6;
}
