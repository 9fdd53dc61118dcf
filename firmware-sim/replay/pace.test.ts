import { describe, expect, it } from 'vitest';
import { headStartNs, parsePace } from './pace.js';

describe('the pace of a replay', () => {
  it.each([
    ['fast', Number.POSITIVE_INFINITY],
    ['1', 1],
    ['0.5', 0.5],
    ['100', 100],
  ])('%s', (text, pace) => {
    expect(parsePace(text)).toBe(pace);
  });

  it.each(['', '0', '-1', 'slow', '1e3', '9999999', '0.0001'])("refuses '%s'", (text) => {
    expect(() => parsePace(text)).toThrow(`pace '${text}': give 'fast', or a number`);
  });

  it('puts the clocks so far ahead that no event is later than now', () => {
    const endNs = 10_000_000_000n;
    for (const pace of [0.5, 1, 2, 10, Number.POSITIVE_INFINITY]) {
      const ahead = Number(headStartNs(pace, 0n, endNs));
      for (const atNs of [0, 1e9, 5e9, 10e9]) expect(atNs / pace + ahead).toBeGreaterThanOrEqual(atNs);
    }
    expect(headStartNs(1, 0n, endNs)).toBe(0n);
    expect(headStartNs(Number.POSITIVE_INFINITY, 0n, endNs)).toBe(endNs);
  });
});
