import type { Time, TimerHandle } from '../../base/clock.js';
import type { ErrorName } from '../../base/errors.js';
import type { Timeouts } from '../../base/timeouts.js';
import { EVENTQ, IRQ_TYPE, MSG, REQUESTQ } from '../../wire/virtio-gpio.js';
import type { VqUsed } from '../../wire/virtio-msg/queue.js';
import type { Counters } from '../counters.js';
import type { InterruptItem } from '../remote-gpio.js';
import type { DeviceSetup } from './bring-up.js';
import { EventQueue } from './event-queue.js';
import type { Outbox } from './outbox.js';
import { type Ask, RequestQueue, type UnknownOutcome } from './request-queue.js';

export interface GpioQueuesOptions {
  readonly setup: DeviceSetup;
  readonly maxMsgSize: number;
  readonly outbox: Outbox;
  readonly time: Time;
  readonly timeouts: Timeouts;
  readonly counters: Counters;
  readonly name: () => string;
  /** Hands on what interrupts brought. */
  readonly emit: (items: readonly InterruptItem[], arrivedNs: bigint) => void;
  /** The device has to be reset, and why. */
  readonly needsReset: (why: string) => void;
}

/**
 * Both virtqueues of a device, from one bring-up to the next reset. They outlive the channel: after
 * a resume they go on with the outbox of the new one.
 */
export class GpioQueues {
  readonly setup: DeviceSetup;
  readonly requests: RequestQueue;
  /** Undefined without F_IRQ. */
  readonly events: EventQueue | undefined;
  /** Lines whose interrupt may be set at the device although nobody wants it here. */
  readonly irqUnknown: Uint8Array;

  private outbox: Outbox;
  private items: InterruptItem[] = [];
  private readonly finals = new Map<number, (counted: boolean) => void>();
  private pauseTimer: TimerHandle | undefined;
  private ended = false;

  constructor(private readonly options: GpioQueuesOptions) {
    const { setup, maxMsgSize, counters, time, timeouts, name } = options;
    this.setup = setup;
    this.outbox = options.outbox;
    this.irqUnknown = new Uint8Array(setup.lineCount);
    const wake = (source: Parameters<Outbox['wake']>[0]): void => this.outbox.wake(source);
    this.requests = new RequestQueue({
      devNum: setup.devNum,
      size: setup.requestqSize,
      maxMsgSize,
      time,
      limitMs: timeouts.request,
      name,
      counters,
      wake,
      exhausted: () => options.needsReset('it answered none of the requests in flight'),
    });
    if (setup.eventqSize === 0) return;
    this.events = new EventQueue({
      devNum: setup.devNum,
      lineCount: setup.lineCount,
      size: setup.eventqSize,
      stamped: setup.features.stamp,
      depth: setup.eventDepth,
      maxMsgSize,
      counters,
      pace: {
        timers: time,
        delayMs: timeouts.rearm_delay,
        writesAnyway: () => this.outbox.writesAnyway,
      },
      wake,
      pause: () => this.startPause(),
      finalAccount: (line) => this.finals.get(line)?.(true),
      readLevel: (line) => void this.readLevel(line),
    });
  }

  /** False once the device was reset or is gone. */
  get alive(): boolean {
    return !this.ended;
  }

  ask(ask: Ask, urgent = false): Promise<number> {
    return this.requests.ask(ask, urgent);
  }

  /** Takes a VQ_USED; what its events say is handed on by {@link flush}. */
  take(message: VqUsed, nowMs: number): void {
    if (message.vq === REQUESTQ) this.requests.takeUsed(message.packet, message.count);
    else if (message.vq === EVENTQ && this.events !== undefined) {
      this.events.takeUsed(message.packet, message.count, this.items, nowMs);
    } else this.options.counters.count('used_unknown_queue');
  }

  /** Hands on what one read of the link brought. */
  flush(arrivedNs: bigint): void {
    if (this.items.length === 0) return;
    const { items } = this;
    this.items = [];
    this.options.emit(items, arrivedNs);
  }

  /** Starts interrupts of a line that the device has enabled, and queues its buffers. */
  arm(line: number, irqType: number): void {
    const isLevel = irqType === IRQ_TYPE.LEVEL_HIGH || irqType === IRQ_TYPE.LEVEL_LOW;
    const readsLevel = irqType === IRQ_TYPE.EDGE_BOTH && !this.setup.features.stamp;
    this.irqUnknown[line] = 0;
    this.events!.arm(line, { isLevel, readsLevel }, this.nowMs());
  }

  /** Waits for the final count of a line whose interrupt was set to NONE; false: it is not known. */
  finalAccount(line: number): Promise<boolean> {
    const { events, setup } = this;
    if (!this.alive || events === undefined || !setup.features.stamp) return Promise.resolve(false);
    return new Promise((resolve) => {
      const { time, timeouts } = this.options;
      const finish = (counted: boolean): void => {
        time.clear(timer);
        this.finals.delete(line);
        resolve(counted);
      };
      const timer = time.set(() => finish(false), timeouts.request);
      this.finals.set(line, finish);
      if (!events.askFinalAccount(line)) finish(false);
    });
  }

  /** The channel broke. Requests in flight keep waiting for the next one, within their limit. */
  suspend(): void {
    this.requests.suspend();
    this.events?.suspend();
  }

  /** The next channel is up, and the device kept everything but its buffers. */
  resume(outbox: Outbox): UnknownOutcome[] {
    this.outbox = outbox;
    return this.requests.resume();
  }

  /** Queues every event buffer again. */
  resumeEvents(): void {
    this.events?.resume(this.nowMs());
  }

  /** Ends it: the device was reset, or is gone. Everything open is rejected. */
  end(name: ErrorName, why: string): void {
    if (this.ended) return;
    this.ended = true;
    this.suspend();
    this.requests.fail(name, why);
    for (const finish of [...this.finals.values()]) finish(false);
    if (this.pauseTimer !== undefined) this.options.time.clear(this.pauseTimer);
    this.items = [];
  }

  /** See RemoteGpio.holdRearming. */
  hold(held: boolean): void {
    const lines = this.events?.hold(held) ?? [];
    if (lines.length === 0) return;
    this.emitNow(lines.map((line) => ({ kind: 'uncounted', line })));
  }

  private async readLevel(line: number): Promise<void> {
    let item: InterruptItem = { kind: 'uncounted', line };
    try {
      const value = await this.ask({ type: MSG.GET_VALUE, line, value: 0 }, true);
      item = { kind: 'level', line, level: value === 0 ? 0 : 1 };
    } catch {
      this.options.counters.count('levels_unread');
    }
    if (!this.alive) return;
    this.emitNow([item]);
    this.events!.levelRead(line);
  }

  private startPause(): void {
    const { time, timeouts } = this.options;
    this.pauseTimer = time.set(() => {
      this.pauseTimer = undefined;
      this.events!.endPause();
    }, timeouts.rearm_pause);
  }

  private emitNow(items: readonly InterruptItem[]): void {
    const now = this.options.time.monotonicNs();
    this.flush(now);
    this.options.emit(items, now);
  }

  private nowMs(): number {
    return Number(this.options.time.monotonicNs() / 1_000_000n);
  }
}
