import type { Time, TimerHandle } from '../../base/clock.js';
import { BridgeError, type ErrorName } from '../../base/errors.js';
import { u16 } from '../../wire/bytes.js';
import { encodeGpioRequest, MSG, REQUESTQ, RESPONSE, RESPONSE_LENGTH } from '../../wire/virtio-gpio.js';
import {
  QUEUE_MESSAGE_OVERHEAD,
  USED_ELEMENT_OVERHEAD,
  VqAvailBuilder,
} from '../../wire/virtio-msg/queue.js';
import type { Counters } from '../counters.js';
import type { PacketSource } from './outbox.js';

/** What a request asks. */
export interface Ask {
  /** One of MSG. */
  readonly type: number;
  readonly line: number;
  readonly value: number;
}

/** A request that was on its way when the channel broke: nobody knows whether it took effect. */
export interface UnknownOutcome {
  readonly ask: Ask;
  /** Resolves it as if it had been answered OK. */
  resolve(): void;
  /** Rejects it as the device's refusal. */
  refuse(): void;
  /** Sends it again, before anything that waits: only what may be done twice. */
  again(): void;
}

export interface RequestQueueOptions {
  readonly devNum: number;
  /** As set by SET_VQUEUE: requests in flight. */
  readonly size: number;
  readonly maxMsgSize: number;
  readonly time: Time;
  /** Time limit `request`, ms. */
  readonly limitMs: number;
  /** For messages. */
  readonly name: () => string;
  readonly counters: Counters;
  /** There is something to send. */
  readonly wake: (source: PacketSource) => void;
  /** Every id is taken by a request that timed out: only a reset of the device helps. */
  readonly exhausted: () => void;
}

/** Requests of the public face that may wait for their turn. */
const MAX_WAITING = 1024;

interface Pending extends Ask {
  readonly inLen: number;
  /** Its stack is the caller's. */
  readonly origin: Error;
  readonly deadlineNs: bigint;
  readonly resolve: (answer: Uint8Array) => void;
  readonly reject: (error: BridgeError) => void;
  sentNs: bigint;
  /** -1 while it is not in flight. */
  id: number;
}

/** An id whose request timed out: taken until the device returns it. */
const TIMED_OUT = 'timed-out';

/** The requestq of one device: ids, what is in flight, what waits, and the time limit of each. */
export class RequestQueue implements PacketSource {
  private readonly byId: (Pending | typeof TIMED_OUT | undefined)[];
  private readonly freeIds: number[];
  private readonly builder: VqAvailBuilder;
  /** Everything unsettled, oldest deadline first. */
  private readonly open = new Set<Pending>();
  private waiting: Pending[] = [];
  /** Requests of the driver's own procedures: they go first, also while others are held. */
  private urgent: Pending[] = [];
  private held = true;
  private linkUp = true;
  private timer: TimerHandle | undefined;

  constructor(private readonly options: RequestQueueOptions) {
    const { size, devNum, maxMsgSize } = options;
    this.byId = new Array(size).fill(undefined);
    this.freeIds = Array.from({ length: size }, (_, i) => size - 1 - i);
    this.builder = new VqAvailBuilder(devNum, REQUESTQ, maxMsgSize);
  }

  /**
   * Sends a request; resolves to the value of its answer. Rejects with QUEUE_FULL, TIMEOUT,
   * DEVICE_ERROR, and with what {@link fail} was given. `urgent` ones pass those that wait.
   */
  async ask(ask: Ask, urgent = false): Promise<number> {
    const answer = await this.submit(ask, RESPONSE_LENGTH, urgent);
    return answer[1]!;
  }

  /** GET_LINE_NAMES: the names block, or undefined when its answer cannot fit a message. */
  async askNames(size: number): Promise<Uint8Array | undefined> {
    const inLen = 1 + size;
    if (QUEUE_MESSAGE_OVERHEAD + USED_ELEMENT_OVERHEAD + inLen > this.options.maxMsgSize) return undefined;
    const answer = await this.submit({ type: MSG.GET_LINE_NAMES, line: 0, value: 0 }, inLen, true);
    return answer.subarray(1);
  }

  /** While held only urgent requests are sent; the others wait within their time limit. */
  hold(held: boolean): void {
    this.held = held;
    if (!held) this.wake();
  }

  /** Takes back the channel's requests: what is in flight keeps its place until {@link resume}. */
  suspend(): void {
    this.held = true;
    this.linkUp = false;
  }

  /**
   * A new channel to a device that forgot its buffers but nothing else. Every id is free again.
   * Returns what was in flight, in the order in which it was asked.
   */
  resume(): UnknownOutcome[] {
    this.linkUp = true;
    const unknown: UnknownOutcome[] = [];
    for (const pending of this.open) {
      if (pending.id < 0) continue;
      pending.id = -1;
      unknown.push(this.unknownOutcome(pending));
    }
    this.byId.fill(undefined);
    this.freeIds.length = 0;
    for (let id = this.options.size - 1; id >= 0; id--) this.freeIds.push(id);
    return unknown;
  }

  /** Rejects everything that is open: `name` and why, for each with its own stack. */
  fail(name: ErrorName, why: string): void {
    this.waiting = [];
    this.urgent = [];
    for (const pending of [...this.open]) {
      this.settle(pending, () => pending.reject(this.failure(pending, name, why)));
    }
    this.clearTimer();
  }

  /** When the oldest request in flight was sent (CLOCK_MONOTONIC); undefined: none is. */
  get oldestSentNs(): bigint | undefined {
    for (const pending of this.open) if (pending.id >= 0) return pending.sentNs;
    return undefined;
  }

  nextPacket(limit: number): Uint8Array | undefined {
    if (!this.linkUp) return undefined;
    const now = this.options.time.monotonicNs();
    this.fill(this.urgent, limit, now);
    if (!this.held && this.urgent.length === 0) this.fill(this.waiting, limit, now);
    return this.builder.count > 0 ? this.builder.take() : undefined;
  }

  /** Takes the elements of a VQ_USED. */
  takeUsed(packet: Uint8Array, count: number): void {
    const { counters } = this.options;
    let at = QUEUE_MESSAGE_OVERHEAD;
    for (let i = 0; i < count; i++) {
      const id = u16(packet, at);
      const length = u16(packet, at + 2);
      at += USED_ELEMENT_OVERHEAD;
      const pending = this.byId[id];
      if (pending === undefined) counters.count('used_unknown_id');
      else if (pending === TIMED_OUT) this.takeLate(id, length);
      else if (length > pending.inLen) counters.count('used_too_long');
      else this.answer(pending, id, packet.slice(at, at + length));
      at += length;
    }
    if (this.urgent.length > 0 || (this.waiting.length > 0 && !this.held)) this.wake();
  }

  private unknownOutcome(pending: Pending): UnknownOutcome {
    return {
      ask: pending,
      resolve: () => this.settle(pending, () => pending.resolve(new Uint8Array(RESPONSE_LENGTH))),
      refuse: () => {
        const error = this.failure(pending, 'DEVICE_ERROR', 'the coprocessor answered ERR');
        this.settle(pending, () => pending.reject(error));
      },
      again: () => {
        if (!this.open.has(pending)) return;
        this.urgent.push(pending);
        this.wake();
      },
    };
  }

  private submit(ask: Ask, inLen: number, urgent: boolean): Promise<Uint8Array> {
    const { options } = this;
    const origin = new Error();
    return new Promise((resolve, reject) => {
      const deadlineNs = options.time.monotonicNs() + BigInt(Math.round(options.limitMs * 1e6));
      const pending: Pending = { ...ask, inLen, origin, deadlineNs, resolve, reject, sentNs: 0n, id: -1 };
      if (!urgent && this.waiting.length >= MAX_WAITING) {
        options.counters.count('requests_refused');
        reject(this.failure(pending, 'QUEUE_FULL', `${MAX_WAITING} requests wait already: ask slower`));
        return;
      }
      this.open.add(pending);
      (urgent ? this.urgent : this.waiting).push(pending);
      this.wake();
      this.startTimer();
    });
  }

  private fill(from: Pending[], limit: number, now: bigint): void {
    let taken = 0;
    while (taken < from.length && this.freeIds.length > 0) {
      const pending = from[taken]!;
      const id = this.freeIds[this.freeIds.length - 1]!;
      const out = encodeGpioRequest(pending.type, pending.line, pending.value);
      if (!this.builder.add(id, pending.inLen, out, limit)) break;
      this.freeIds.pop();
      this.byId[id] = pending;
      pending.id = id;
      pending.sentNs = now;
      taken++;
      this.options.counters.count('requests_sent');
    }
    if (taken > 0) from.splice(0, taken);
  }

  private answer(pending: Pending, id: number, answer: Uint8Array): void {
    this.release(id);
    this.options.counters.count('requests_answered');
    const error = this.errorIn(pending, answer);
    if (error === undefined) this.settle(pending, () => pending.resolve(answer));
    else {
      this.options.counters.count('requests_failed');
      this.settle(pending, () => pending.reject(error));
    }
  }

  private errorIn(pending: Pending, answer: Uint8Array): BridgeError | undefined {
    if (answer.length > 0 && answer[0] !== RESPONSE.OK) {
      return this.failure(pending, 'DEVICE_ERROR', 'the coprocessor answered ERR');
    }
    if (answer.length < RESPONSE_LENGTH) {
      return this.failure(pending, 'DEVICE_ERROR', `the coprocessor answered ${answer.length} bytes`);
    }
    return undefined;
  }

  private takeLate(id: number, length: number): void {
    this.options.counters.count(length > RESPONSE_LENGTH ? 'used_too_long' : 'late_answers');
    this.release(id);
  }

  private release(id: number): void {
    this.byId[id] = undefined;
    this.freeIds.push(id);
  }

  private settle(pending: Pending, how: () => void): void {
    if (this.open.delete(pending)) how();
  }

  private expire(): void {
    this.timer = undefined;
    const now = this.options.time.monotonicNs();
    for (const pending of this.open) {
      if (pending.deadlineNs > now) break;
      this.options.counters.count('requests_timed_out');
      if (pending.id >= 0 && this.linkUp) this.byId[pending.id] = TIMED_OUT;
      const [name, why] = this.whyLate(pending);
      this.settle(pending, () => pending.reject(this.failure(pending, name, why)));
    }
    this.waiting = this.waiting.filter((pending) => this.open.has(pending));
    this.urgent = this.urgent.filter((pending) => this.open.has(pending));
    this.startTimer();
    if (this.linkUp && this.byId.every((taken) => taken === TIMED_OUT)) this.options.exhausted();
  }

  private whyLate(pending: Pending): [ErrorName, string] {
    const { limitMs } = this.options;
    if (!this.linkUp) return ['LINK_DOWN', 'the channel broke, and whether it took effect is unknown'];
    const what = pending.id < 0 ? 'it could not be sent' : 'no answer';
    return ['TIMEOUT', `${what} within ${limitMs} ms (time limit request)`];
  }

  private failure(pending: Pending, name: ErrorName, why: string): BridgeError {
    const error = new BridgeError(name, `${this.options.name()}: ${describe(pending)}: ${why}`);
    const frames = pending.origin.stack?.split('\n').slice(1).join('\n') ?? '';
    error.stack = `${error.name}: ${error.message}\n${frames}`;
    return error;
  }

  private wake(): void {
    this.options.wake(this);
  }

  private startTimer(): void {
    if (this.timer !== undefined) return;
    for (const oldest of this.open) {
      const wait = Number(oldest.deadlineNs - this.options.time.monotonicNs()) / 1e6;
      this.timer = this.options.time.set(() => this.expire(), Math.max(0, wait));
      return;
    }
  }

  private clearTimer(): void {
    if (this.timer !== undefined) this.options.time.clear(this.timer);
    this.timer = undefined;
  }
}

const NAMES_OF_REQUESTS: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(MSG).map(([name, type]) => [type, name]),
);

function describe(ask: Ask): string {
  const name = NAMES_OF_REQUESTS[ask.type] ?? `request ${ask.type}`;
  if (ask.type === MSG.GET_LINE_NAMES) return name;
  const hasValue = ask.type !== MSG.GET_DIRECTION && ask.type !== MSG.GET_VALUE;
  return `${name}${hasValue ? ` ${ask.value}` : ''} of line ${ask.line}`;
}
