import { describe, expect, it } from 'vitest';
import type { LineInfo } from '../gpio/chip.js';
import { customChangeFormatter } from './change-format.js';

const line: LineInfo = {
  offset: 3,
  name: 'DOOR',
  direction: 'input',
  edges: 'none',
  activeLow: false,
  eventClock: 'monotonic',
  debouncePeriodUs: 0,
  used: true,
  persistent: false,
};
const format = customChangeFormatter('%C', {
  timeStyle: 'seconds',
  showChip: false,
  unquoted: false,
  realtimeNs: (ns) => ns,
});
const consumerOf = (info: LineInfo) => format('hub', { kind: 'requested', timestampNs: 1n, lost: 0, info });

describe('%C of notify', () => {
  it('is the consumer, or what info says where there is none to tell', () => {
    expect(consumerOf({ ...line, consumer: 'app' })).toBe('app');
    expect(consumerOf({ ...line, throughChip: 'door' })).toBe('used');
    expect(consumerOf({ ...line, used: false })).toBe('unused');
  });
});
