import { expect, it } from 'vitest';
import { monotonicToRealtime } from './realtime.js';

it('maps now to now, and keeps distances', () => {
  const begin = Date.now();
  const now = Number(monotonicToRealtime(process.hrtime.bigint()) / 1_000_000n);
  expect(now).toBeGreaterThanOrEqual(begin - 3);
  expect(now).toBeLessThanOrEqual(Date.now() + 3);
  const early = monotonicToRealtime(1_000_000_000n);
  const late = monotonicToRealtime(4_000_000_000n);
  expect(Math.abs(Number(late - early - 3_000_000_000n))).toBeLessThan(5_000_000);
});
