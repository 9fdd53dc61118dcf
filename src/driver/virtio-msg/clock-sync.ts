import type { Time, TimerHandle } from '../../base/clock.js';
import type { Timeouts } from '../../base/timeouts.js';
import type { Counters } from '../counters.js';
import type { CoprocessorClock } from '../device-clock.js';
import type { BusSession } from './bus-session.js';

export interface ClockSyncOptions {
  readonly session: BusSession;
  readonly clock: CoprocessorClock;
  readonly time: Time;
  readonly timeouts: Timeouts;
  readonly counters: Counters;
  /** CLOCK_MONOTONIC at the arrival of the packets being handled. */
  readonly arrivedNs: () => bigint;
  /** A round trip was measured, of what was asked at `askedNs`. */
  readonly measured: (roundTripNs: number, askedNs: bigint) => void;
}

/** Exchanges at the start, and at each later turn: the shortest of them bounds the error. */
const FIRST_BURST = 4;
const BURST = 3;
/** Pauses before the first turns after the start, ms: they make the drift known soon. */
const EARLY_PAUSES = [250, 500, 1_000, 2_000, 4_000];

/** Keeps a coprocessor's clock known by BUS_TIME while one session lasts. */
export class ClockSync {
  private timer: TimerHandle | undefined;
  private turn = 0;
  private stopped = false;

  constructor(private readonly options: ClockSyncOptions) {}

  /** Resolves after the first exchange, or when it failed. */
  async start(): Promise<void> {
    const first = this.exchange();
    void first.then(() => this.burst(FIRST_BURST - 1)).then(() => this.plan());
    await first;
  }

  /** A few exchanges at once: the mapping is worth less than it was. */
  async burst(count = BURST): Promise<void> {
    for (let i = 0; i < count && !this.stopped; i++) await this.exchange();
  }

  stop(): void {
    this.stopped = true;
    if (this.timer !== undefined) this.options.time.clear(this.timer);
  }

  private plan(): void {
    if (this.stopped) return;
    const { time, timeouts } = this.options;
    const pause = Math.min(EARLY_PAUSES[this.turn++] ?? timeouts.clock_sample, timeouts.clock_sample);
    this.timer = time.set(() => void this.burst().then(() => this.plan()), pause);
  }

  private async exchange(): Promise<void> {
    const { session, clock, time, counters, arrivedNs, measured } = this.options;
    clock.checkSleep();
    const sleepsBefore = clock.sleeps;
    const t1 = time.monotonicNs();
    try {
      const answer = await session.calls.call({ type: 'time-request', t1 }, 'time-response');
      const t4 = arrivedNs();
      clock.checkSleep();
      if (this.stopped) return;
      const taken =
        clock.sleeps === sleepsBefore &&
        answer.t1 === t1 &&
        clock.estimator.sample(t1, answer.t2, answer.t3, t4);
      counters.count(taken ? 'clock_samples' : 'clock_samples_rejected');
      if (taken) measured(Number(t4 - t1 - (answer.t3 - answer.t2)), t1);
    } catch {
      // The session ended, or the answer is late: PING finds out which.
      if (!this.stopped) counters.count('clock_timeouts');
    }
  }
}
