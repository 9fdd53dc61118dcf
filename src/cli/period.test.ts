import { describe, expect, it } from 'vitest';
import { parsePeriod, parsePeriods, parseUnsigned } from './period.js';

describe('parsePeriod', () => {
  it.each([
    ['0', 0],
    ['10', 10_000],
    ['10us', 10],
    ['10ms', 10_000],
    ['2s', 2_000_000],
    ['3m', 180_000_000],
    ['007', 7_000],
  ])('takes %s', (text, microseconds) => {
    expect(parsePeriod(text)).toBe(microseconds);
  });

  it.each(['', 'ms', '-1', '+1', '1.5', '1 s', '1h', '5u', '10msec', '1e3', '99999999999999999m'])(
    'refuses %j',
    (text) => {
      expect(() => parsePeriod(text)).toThrow(`invalid period: ${text}`);
    },
  );

  it('takes several, and refuses all for one', () => {
    expect(parsePeriods('1s,20,0')).toEqual([1_000_000, 20_000, 0]);
    expect(() => parsePeriods('1s,,2')).toThrow('invalid period: ');
  });
});

describe('parseUnsigned', () => {
  it('takes what an int holds', () => {
    expect(parseUnsigned('0')).toBe(0);
    expect(parseUnsigned('2147483647')).toBe(2_147_483_647);
  });

  it.each(['', '-1', '2147483648', '1x', '0x10'])('refuses %j', (text) => {
    expect(() => parseUnsigned(text)).toThrow(`invalid number: '${text}'`);
  });
});
