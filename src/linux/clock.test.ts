import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { systemClock, systemTime } from './clock.js';

describe('systemClock', () => {
  it('reads CLOCK_REALTIME', () => {
    const before = BigInt(Date.now()) * 1_000_000n;
    const now = systemClock.realtimeNs();
    expect(now).toBeGreaterThanOrEqual(before);
    expect(now - before).toBeLessThan(1_000_000_000n);
  });

  it('reads CLOCK_BOOTTIME, which is the uptime and never behind CLOCK_MONOTONIC', () => {
    const uptime = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
    const monotonic = systemClock.monotonicNs();
    const boottime = systemClock.boottimeNs();
    expect(Math.abs(Number(boottime) / 1e9 - uptime)).toBeLessThan(1);
    expect(boottime).toBeGreaterThanOrEqual(monotonic);
  });

  it('goes forward', () => {
    for (const read of [systemClock.monotonicNs, systemClock.boottimeNs]) {
      const first = read();
      expect(read()).toBeGreaterThanOrEqual(first);
    }
  });

  it('comes with timers', async () => {
    const start = systemTime.monotonicNs();
    await new Promise<void>((resolve) => {
      systemTime.set(resolve, 5);
    });
    expect(systemTime.monotonicNs() - start).toBeGreaterThan(3_000_000n);
    systemTime.clear(systemTime.set(() => expect.unreachable(), 1));
    await new Promise((resolve) => setTimeout(resolve, 5));
  });
});
