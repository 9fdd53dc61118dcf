import type { TimerHandle, Timers } from '../../base/clock.js';

export interface RearmPaceOptions {
  readonly timers: Timers;
  /** Time limit `rearm_delay`. */
  readonly delayMs: number;
  /** The link writes in this turn in any case. */
  readonly writesAnyway: () => boolean;
  /** What waits is to be sent, at the end of this turn. */
  readonly wake: () => void;
}

/**
 * When event buffers that came back are queued again: at once, unless edges follow each other fast and every
 * line has others at the device. Then one message, and one acknowledgement of it, serves several reads: here, on the
 * line and at the device, which loses nothing by it, since no line is left without a buffer.
 */
export class RearmPace {
  private isUrgent = false;
  /** When buffers last came back, CLOCK_MONOTONIC in ms. */
  private lastMs = Number.NEGATIVE_INFINITY;
  private timer: TimerHandle | undefined;

  constructor(private readonly options: RearmPaceOptions) {}

  /** A line has used half of what it has, or waits for an answer: no delay. */
  hurry(): void {
    this.isUrgent = true;
  }

  /** Buffers came back, and are waiting to be queued again. */
  cameBack(nowMs: number): void {
    const { delayMs, wake, writesAnyway } = this.options;
    const isFast = nowMs - this.lastMs < delayMs;
    this.lastMs = nowMs;
    if (this.isUrgent || !isFast || writesAnyway()) wake();
    else this.timer ??= this.options.timers.set(this.timeUp, delayMs);
  }

  /** All that waited was sent. A timer that runs is left alone: it finds nothing to do, or the next ones early. */
  sent(): void {
    this.isUrgent = false;
  }

  stop(): void {
    if (this.timer !== undefined) this.options.timers.clear(this.timer);
    this.timer = undefined;
  }

  private readonly timeUp = (): void => {
    this.timer = undefined;
    this.options.wake();
  };
}
