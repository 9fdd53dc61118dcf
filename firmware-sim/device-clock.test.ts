import { describe, expect, it } from 'vitest';
import { DeviceClock } from './device-clock.js';

describe('a device clock', () => {
  it('starts from 0 with the boot, and runs as the world does', () => {
    const clock = new DeviceClock(5_000, 0);
    expect([clock.at(5_000), clock.at(1e15 + 1)]).toEqual([0, 1e15 + 1 - 5_000]);
  });

  it.each([
    [500, 1_000_500_000],
    [-500, 999_500_000],
    [0.001, 1_000_000_001],
  ])('shows, at %d ppm, %d ns after a second', (ppm, shown) => {
    expect(new DeviceClock(7, ppm).at(1e9 + 7)).toBe(shown);
  });

  it('changes its rate without a jump, and never goes back', () => {
    const clock = new DeviceClock(0, 100);
    const before = clock.at(1e9);
    clock.setDrift(-100_000, 1e9);
    expect(clock.at(1e9)).toBe(before);
    expect(clock.at(2e9)).toBe(before + 9e8);
    let last = 0;
    for (let ns = 1e9; ns < 1e9 + 1000; ns++) {
      expect(clock.at(ns)).toBeGreaterThanOrEqual(last);
      last = clock.at(ns);
    }
  });
});
