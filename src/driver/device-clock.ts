import type { Clock } from '../base/clock.js';
import { ClockEstimator } from './clock-estimator.js';
import type { ClockReport, DeviceClock, HostTime } from './remote-gpio.js';
import { SleepWatch } from './sleep-watch.js';

/** The clock of one coprocessor: its estimator, kept right across the host's sleep. */
export class CoprocessorClock implements DeviceClock {
  readonly estimator = new ClockEstimator();
  /** Times the host slept since this was made. */
  sleeps = 0;
  private readonly watch: SleepWatch;

  constructor(private readonly clock: Clock) {
    this.watch = new SleepWatch(clock);
  }

  toHost(deviceNs: bigint): HostTime | undefined {
    return this.estimator.toHost(deviceNs);
  }

  get report(): ClockReport | undefined {
    return this.estimator.report(this.clock.monotonicNs());
  }

  /** Looks whether the host slept; call before mapping what a read brought, and once a second. */
  checkSleep(): boolean {
    const slept = this.watch.check();
    if (slept === undefined) return false;
    this.sleeps++;
    this.estimator.hostSlept(slept.lastAwakeNs, slept.nowNs, slept.sleptNs);
    return true;
  }
}
