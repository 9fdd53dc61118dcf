import { describe, expect, it } from 'vitest';
import { CELLS, lengths, nameOf, SLEEP_CELLS } from './cells.js';
import { heading, row } from './table.js';
import { newVerdict } from './verdict.js';

const ALL = [...CELLS, ...SLEEP_CELLS];

describe('the table', () => {
  it('is aligned, however long the names of cells and the figures are', () => {
    const verdict = { ...newVerdict(), delivered: 9_999_999, uncounted: 999_999, worstBoundNs: 99_999e3 };
    const rows = ALL.map((cell) =>
      row({
        cell,
        edges: 9_999_999,
        verdict,
        worstRecoveryMs: 60_000,
        unrecovered: 0,
        peakRssBytes: 2 ** 27,
        counts: cell.dialect === 'virtio-msg',
      }),
    );
    for (const text of rows) expect(text).toHaveLength(heading().length);
  });
});

describe('the cells', () => {
  it('have names of their own', () => {
    expect(new Set(ALL.map(nameOf)).size).toBe(ALL.length);
  });

  it('make as many edges as asked for together, in less than half an hour', () => {
    const seconds = lengths(ALL, 10_000_000);
    const edges = ALL.reduce((sum, cell) => sum + cell.rate * seconds.get(cell)!, 0);
    expect(edges).toBeGreaterThan(10_000_000);
    expect([...seconds.values()].reduce((sum, length) => sum + length + 3, 0)).toBeLessThan(1_800);
  });
});
