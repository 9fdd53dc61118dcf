import { describe, expect, it } from 'vitest';
import { formatValues, parseLineValue } from './line-value.js';

describe('parseLineValue', () => {
  it.each([
    ['LED=1', 'LED', 1],
    ['LED=active', 'LED', 1],
    ['LED=on', 'LED', 1],
    ['LED=true', 'LED', 1],
    ['4=0', '4', 0],
    ['LED=inactive', 'LED', 0],
    ['LED=off', 'LED', 0],
    ['LED=false', 'LED', 0],
    ['"a=b"=1', 'a=b', 1],
    ['"two words"=0', 'two words', 0],
  ])('takes %s', (text, id, value) => {
    expect(parseLineValue(text)).toEqual({ id, value });
  });

  it.each([
    ['LED', 'LED'],
    ['"LED=1', '"LED=1'],
    ['LED=2', '2'],
    ['LED=', ''],
    ['LED=ON', 'ON'],
    ['a=b=1', 'b=1'],
    ['LED=constructor', 'constructor'],
  ])('refuses %s', (text, told) => {
    expect(() => parseLineValue(text)).toThrow(`invalid line value: '${told}'`);
  });
});

describe('formatValues', () => {
  const lines = [
    { id: 'DOOR', value: 1 },
    { id: '5', value: 0 },
  ] as const;

  it('prints as gpioget does', () => {
    expect(formatValues(lines, { numeric: false, unquoted: false })).toBe('"DOOR"=active "5"=inactive');
    expect(formatValues(lines, { numeric: false, unquoted: true })).toBe('DOOR=active 5=inactive');
    expect(formatValues(lines, { numeric: true, unquoted: false })).toBe('1 0');
  });
});
