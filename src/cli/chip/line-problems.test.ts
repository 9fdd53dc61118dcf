import { describe, expect, it } from 'vitest';
import { lineProblems } from './line-problems.js';

const line = (offset: number, unavailable: string | null) => ({
  offset,
  name: null,
  parent: 'hub',
  parentOffset: null,
  consumer: null,
  throughChip: null,
  unavailable,
});

describe('what is wrong with lines', () => {
  it('is told once for all that have it', () => {
    const reasons = ['down', 'down', null, 'gone', 'down', 'down'];
    expect(lineProblems(reasons.map((reason, offset) => line(offset, reason)))).toEqual([
      'lines 0-1, 4-5: down',
      'line 3: gone',
    ]);
    expect(lineProblems([line(0, null)])).toEqual([]);
  });
});
