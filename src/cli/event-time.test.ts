import { afterEach, describe, expect, it } from 'vitest';
import { formatTime } from './event-time.js';

const zone = process.env.TZ;
afterEach(() => {
  process.env.TZ = zone ?? '';
});

describe('formatTime', () => {
  it('keeps every nanosecond', () => {
    expect(formatTime(5n, 'seconds')).toBe('0.000000005');
    expect(formatTime(1_700_000_000_123_456_789n, 'seconds')).toBe('1700000000.123456789');
    expect(formatTime(1_700_000_000_123_456_789n, 'utc')).toBe('2023-11-14T22:13:20.123456789Z');
  });

  it('prints local time without a Z', () => {
    process.env.TZ = 'Asia/Kathmandu';
    expect(formatTime(1_700_000_000_000_000_001n, 'local')).toBe('2023-11-15T03:58:20.000000001');
  });
});
