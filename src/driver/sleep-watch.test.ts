import { describe, expect, it } from 'vitest';
import { SleepWatch } from './sleep-watch.js';

const MS = 1_000_000n;
const HELD_UP_NS = 800n * MS;

/** Clocks that agree but for sleep; a program that is held up for a while before one of its readings. */
class Clocks {
  private nowNs = 0n;
  private sleptNs = 0n;
  private readings = 0;

  constructor(private readonly heldUpAt = -1) {}

  monotonicNs(): bigint {
    return this.read();
  }

  boottimeNs(): bigint {
    return this.read() + this.sleptNs;
  }

  sleep(ms: bigint): void {
    this.sleptNs += ms * MS;
  }

  private read(): bigint {
    if (this.readings++ === this.heldUpAt) this.nowNs += HELD_UP_NS;
    return this.nowNs++;
  }
}

describe('the watch over the sleep of the host', () => {
  it('tells of a sleep once, with its length', () => {
    const clocks = new Clocks();
    const watch = new SleepWatch(clocks);
    expect(watch.check()).toBeUndefined();
    clocks.sleep(500n);
    expect(watch.check()?.sleptNs).toBe(500n * MS);
    expect(watch.check()).toBeUndefined();
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('takes no hold-up for a sleep: before reading %i', (reading) => {
    const watch = new SleepWatch(new Clocks(reading));
    expect(watch.check()).toBeUndefined();
    expect(watch.check()).toBeUndefined();
  });
});
