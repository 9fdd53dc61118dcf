import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { built } from '../support/built.js';
import { Chain, Monitor } from '../support/chain.js';
import { ROOT } from '../support/root.js';

const OFFSETS = Array.from({ length: 16 }, (_, offset) => offset);
const DAY = join(ROOT, 'test/scenario/day.toml');

beforeAll(built);

describe('a day with every stimulus and every wire fault', () => {
  let chain: Chain | undefined;
  afterEach(() => chain?.stop());

  it.each(['unix', 'pty'] as const)(
    'delivers or counts each edge sensed, and invents none: %s',
    async (port) => {
      chain = new Chain({ port, sim: ['--scenario', DAY, '--seed', '20'] });
      const monitor = await Monitor.start(await chain.chip(), OFFSETS);
      await chain.sim.waitFor(/scenario ended/, 30_000);
      const ledger = await monitor.stop();
      const { lines, total, wire, boots } = await chain.simStats();
      const what = JSON.stringify({ total, wire, gaps: ledger.gaps.length });
      expect(ledger.violations, what).toEqual([]);
      for (const [offset, line] of ledger.lines) {
        expect(line.accounted, `line ${offset}: ${what}`).toBe(lines[offset]!.sensed);
      }
      expect(boots).toBe(1);
      for (const fault of ['corrupted', 'dropped', 'delayed', 'stalled'].map((name) => `bytes_${name}`)) {
        expect(wire[fault], fault).toBeGreaterThan(0);
      }
      expect(wire.frames_duplicated).toBeGreaterThan(0);
      const sensed = (first: number, last = first) =>
        lines.slice(first, last + 1).reduce((sum, line) => sum + line.sensed, 0);
      // 9 s of each; what happened before the monitor came is not sensed.
      expect(sensed(0, 7)).toBeGreaterThan(9_000);
      expect(sensed(8)).toBeGreaterThan(600);
      expect(sensed(9)).toBeGreaterThan(200);
      expect(sensed(10)).toBeGreaterThan(7 * 20);
      expect(sensed(12)).toBeGreaterThan(10);
      expect(sensed(14, 15)).toBe(0);
      expect(ledger.delivered / total.sensed, what).toBeGreaterThan(0.95);
    },
  );
});
