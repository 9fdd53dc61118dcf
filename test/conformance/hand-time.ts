import type { Time } from '../../src/base/clock.js';

/** Time that moves by hand, timers included. */
export class HandTime implements Time {
  now = 0n;
  private timers: { at: bigint; callback: () => void }[] = [];

  monotonicNs = () => this.now;
  boottimeNs = () => this.now;
  realtimeNs = () => this.now;

  set(callback: () => void, delayMs: number): object {
    const timer = { at: this.now + BigInt(Math.round(delayMs * 1e6)), callback };
    this.timers.push(timer);
    return timer;
  }

  clear(handle: object): void {
    this.timers = this.timers.filter((timer) => timer !== handle);
  }

  advance(ms: number): void {
    const end = this.now + BigInt(Math.round(ms * 1e6));
    for (;;) {
      const next = this.timers.filter(({ at }) => at <= end).sort((a, b) => Number(a.at - b.at))[0];
      if (next === undefined) break;
      if (next.at > this.now) this.now = next.at;
      this.clear(next);
      next.callback();
    }
    this.now = end;
  }
}
