import type { TimerHandle, Timers } from '../base/clock.js';

const SLEEP_CHECK_MS = 1_000;

/** Looks once a second whether the host slept, from the first {@link start} on, so that times stay right while nothing comes. */
export class SleepTimer {
  private timer: TimerHandle | undefined;
  private stopped = false;

  constructor(
    private readonly timers: Timers,
    private readonly look: () => void,
  ) {}

  /** Idempotent. */
  start(): void {
    if (this.timer !== undefined || this.stopped) return;
    this.timer = this.timers.set(() => {
      this.timer = undefined;
      this.look();
      this.start();
    }, SLEEP_CHECK_MS);
  }

  /** For good. */
  stop(): void {
    this.stopped = true;
    if (this.timer !== undefined) this.timers.clear(this.timer);
    this.timer = undefined;
  }
}
