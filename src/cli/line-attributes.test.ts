import { describe, expect, it } from 'vitest';
import type { LineInfo } from '../gpio/chip.js';
import { formatAttributes, formatLineInfo } from './line-attributes.js';

const plain: LineInfo = {
  offset: 3,
  name: 'DOOR',
  used: false,
  persistent: false,
  direction: 'input',
  activeLow: false,
  edges: 'none',
  eventClock: 'monotonic',
  debouncePeriodUs: 0,
};

describe('formatAttributes', () => {
  it('leaves out what is as usual', () => {
    expect(formatAttributes(plain, false)).toBe('input');
    expect(formatAttributes({ ...plain, direction: 'output' }, false)).toBe('output');
  });

  it('of a line of which only that it is used is known, says only that', () => {
    expect(formatAttributes({ ...plain, used: true }, false)).toBe('used');
    expect(formatAttributes({ ...plain, used: true, throughChip: 'door' }, false)).toBe(
      'input used chip="door"',
    );
  });

  it('keeps the order of gpioinfo', () => {
    const all: LineInfo = {
      ...plain,
      used: true,
      consumer: 'my app',
      activeLow: true,
      edges: 'both',
      eventClock: 'realtime',
      debouncePeriodUs: 10_000,
    };
    expect(formatAttributes(all, false)).toBe(
      'input active-low edges=both event-clock=realtime debounce-period=10ms consumer="my app"',
    );
    expect(formatAttributes({ ...plain, debouncePeriodUs: 123 }, false)).toBe('input debounce-period=123us');
    expect(formatAttributes({ ...plain, debouncePeriodUs: 2_000_000 }, false)).toMatch(/=2s$/);
    expect(formatAttributes({ ...plain, debouncePeriodUs: 1_001_000 }, false)).toMatch(/=1001ms$/);
    expect(formatAttributes(all, true)).toMatch(/ consumer=my app$/);
  });
});

describe('formatLineInfo', () => {
  it('pads names to 16 characters with their quotes, and never quotes unnamed', () => {
    const { name: _, ...unnamed } = plain;
    expect(formatLineInfo(plain, false)).toBe('"DOOR"          \tinput');
    expect(formatLineInfo(plain, true)).toBe('DOOR            \tinput');
    expect(formatLineInfo(unnamed, false)).toBe('unnamed         \tinput');
    expect(formatLineInfo({ ...plain, name: 'A_LINE_OF_15_CH' }, false)).toBe('"A_LINE_OF_15_CH"\tinput');
  });
});
