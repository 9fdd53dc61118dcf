import { type Clock, NS_PER_MS } from '../base/clock.js';

/** The host was suspended for `sleptNs`, between two moments of CLOCK_MONOTONIC. */
export interface HostSleep {
  readonly lastAwakeNs: bigint;
  readonly nowNs: bigint;
  readonly sleptNs: bigint;
}

/** A difference of the clocks below this is the time between reading one and the other. */
const LEAST_SLEEP_NS = 20n * NS_PER_MS;

/** Notices the host's sleep: CLOCK_BOOTTIME minus CLOCK_MONOTONIC jumps. */
export class SleepWatch {
  private aheadNs: bigint;
  private lastAwakeNs: bigint;

  constructor(private readonly clock: Pick<Clock, 'monotonicNs' | 'boottimeNs'>) {
    this.lastAwakeNs = clock.monotonicNs();
    this.aheadNs = clock.boottimeNs() - clock.monotonicNs();
  }

  /** What happened since the last call; undefined: no sleep. */
  check(): HostSleep | undefined {
    // Read in this order, so that being preempted in between never looks like a sleep.
    const boottimeNs = this.clock.boottimeNs();
    const nowNs = this.clock.monotonicNs();
    const aheadNs = boottimeNs - nowNs;
    const lastAwakeNs = this.lastAwakeNs;
    this.lastAwakeNs = nowNs;
    const sleptNs = aheadNs - this.aheadNs;
    if (sleptNs < LEAST_SLEEP_NS) {
      // The smallest gap between the readings is the truest.
      if (sleptNs > 0n) this.aheadNs = aheadNs;
      return undefined;
    }
    this.aheadNs = aheadNs;
    return { lastAwakeNs, nowNs, sleptNs };
  }
}
