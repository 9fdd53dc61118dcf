import type { Time, TimerHandle } from '../../base/clock.js';
import type { Timeouts } from '../../base/timeouts.js';
import type { Counters } from '../counters.js';
import type { BusSession } from './bus-session.js';

export interface KeepAliveOptions {
  readonly session: BusSession;
  readonly time: Time;
  readonly timeouts: Timeouts;
  readonly counters: Counters;
  /** CLOCK_MONOTONIC of the last packet from the coprocessor. */
  readonly lastHeardNs: () => bigint;
  readonly measured: (roundTripNs: number, askedNs: bigint) => void;
  /** Several PINGs in a row stayed unanswered. */
  readonly silent: () => void;
}

/** PINGs unanswered in a row after which the coprocessor counts as silent. */
const MAX_MISSES = 2;

/** Sends a PING whenever the coprocessor has been silent for the time limit `idle_ping`. */
export class KeepAlive {
  private timer: TimerHandle | undefined;
  private misses = 0;
  private data = 0;
  private stopped = false;

  constructor(private readonly options: KeepAliveOptions) {}

  start(): void {
    this.plan();
  }

  stop(): void {
    this.stopped = true;
    if (this.timer !== undefined) this.options.time.clear(this.timer);
  }

  private plan(): void {
    if (this.stopped) return;
    const { time, timeouts, lastHeardNs } = this.options;
    const idleMs = Number(time.monotonicNs() - lastHeardNs()) / 1e6;
    // After a miss it asks again at once: it has waited a whole time limit already.
    const pause = this.misses > 0 ? 0 : Math.max(1, timeouts.idle_ping - idleMs);
    this.timer = time.set(() => void this.check(), pause);
  }

  private async check(): Promise<void> {
    const { time, timeouts, lastHeardNs } = this.options;
    const idleMs = Number(time.monotonicNs() - lastHeardNs()) / 1e6;
    if (idleMs < timeouts.idle_ping - 1) this.misses = 0;
    else await this.ping();
    this.plan();
  }

  private async ping(): Promise<void> {
    const { session, time, counters, measured, silent } = this.options;
    const sentNs = time.monotonicNs();
    this.data = (this.data + 1) >>> 0;
    counters.count('pings_sent');
    try {
      await session.calls.call({ type: 'ping-request', data: this.data }, 'ping-response');
      this.misses = 0;
      measured(Number(time.monotonicNs() - sentNs), sentNs);
    } catch {
      if (this.stopped) return;
      counters.count('ping_timeouts');
      this.misses++;
      if (this.misses >= MAX_MISSES) {
        this.misses = 0;
        silent();
      }
    }
  }
}
