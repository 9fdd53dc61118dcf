import { type Clock, NS_PER_MS } from '../base/clock.js';

/** The host was suspended for `sleptNs`, between two moments of CLOCK_MONOTONIC. */
export interface HostSleep {
  readonly lastAwakeNs: bigint;
  readonly nowNs: bigint;
  readonly sleptNs: bigint;
}

/** A difference of the clocks below this is the time between reading one and the other. */
const LEAST_SLEEP_NS = 20n * NS_PER_MS;

/** Of so many first readings, not all are held up between one clock and the other. */
const FIRST_READINGS = 3;

/** Notices the host's sleep: CLOCK_BOOTTIME minus CLOCK_MONOTONIC jumps. */
export class SleepWatch {
  private aheadNs: bigint;
  private lastAwakeNs: bigint;

  constructor(private readonly clock: Pick<Clock, 'monotonicNs' | 'boottimeNs'>) {
    let { aheadNs, nowNs } = read(clock);
    for (let i = 1; i < FIRST_READINGS; i++) {
      const again = read(clock);
      if (again.aheadNs > aheadNs) ({ aheadNs, nowNs } = again);
    }
    this.aheadNs = aheadNs;
    this.lastAwakeNs = nowNs;
  }

  /** What happened since the last call; undefined: no sleep. */
  check(): HostSleep | undefined {
    const { aheadNs, nowNs } = read(this.clock);
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

/** In this order, so that being preempted in between makes the difference less, and never looks like a sleep. */
function read(clock: Pick<Clock, 'monotonicNs' | 'boottimeNs'>): { aheadNs: bigint; nowNs: bigint } {
  const boottimeNs = clock.boottimeNs();
  const nowNs = clock.monotonicNs();
  return { aheadNs: boottimeNs - nowNs, nowNs };
}
