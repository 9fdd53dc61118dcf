import { expect, it } from 'vitest';
import { monotonicToRealtime } from './realtime.js';

it('maps now to now, and keeps distances', () => {
  // The best of some: this process may be stopped between two looks at the clocks.
  const beyond = Array.from({ length: 20 }, () => {
    const begin = Date.now();
    const now = Number(monotonicToRealtime(process.hrtime.bigint()) / 1_000_000n);
    return Math.max(begin - now, now - Date.now());
  });
  expect(Math.min(...beyond)).toBeLessThanOrEqual(3);
  const errors = Array.from({ length: 20 }, () => {
    const early = monotonicToRealtime(1_000_000_000n);
    const late = monotonicToRealtime(4_000_000_000n);
    return Math.abs(Number(late - early - 3_000_000_000n));
  });
  expect(Math.min(...errors)).toBeLessThan(5_000_000);
});
