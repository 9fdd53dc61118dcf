import { describe, expect, it } from 'vitest';
import { imbalances } from './balance.js';

const restart = { lost: null, fromNs: 0n, toNs: 500_000_000n };
const counted = { lost: 5, fromNs: 0n, toNs: 9_000_000_000n };

describe('the balance of a soak', () => {
  it('is even where each edge is accounted for, or may lie in a gap of unknown size', () => {
    expect(imbalances([{ offset: 3, sensed: 100, accounted: 100 }], [], 50)).toEqual([]);
    expect(imbalances([{ offset: 3, sensed: 100, accounted: 90 }], [restart], 50)).toEqual([]);
    expect(imbalances([{ offset: 3, sensed: 100, accounted: 90 }], [{ ...restart, offset: 3 }], 50)).toEqual(
      [],
    );
  });

  it.each([
    ['edges that are missing without a gap', 99, [counted]],
    ['edges that are missing with the gap of another line', 99, [{ ...restart, offset: 2 }]],
    ['more edges than were sensed', 101, [restart]],
    ['more edges missing than a gap can hold', -1_000, [restart]],
  ])('names %s', (_, accounted, gaps) => {
    expect(imbalances([{ offset: 3, sensed: 100, accounted }], gaps, 50)).toEqual([
      expect.stringContaining(`line 3: 100 edges sensed, ${accounted} delivered`),
    ]);
  });
});
