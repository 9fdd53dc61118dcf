import { join } from 'node:path';
import { expect } from 'vitest';
import { Chain, Monitor, PATIENT } from '../support/chain.js';
import { ROOT } from '../support/root.js';

const OFFSETS = Array.from({ length: 16 }, (_, offset) => offset);
const DAY = join(ROOT, 'test/scenario/day.toml');

/**
 * Plays day.toml to its end: each edge sensed is delivered or counted. Resolves with the part of them
 * that was delivered.
 */
export async function playDay(port: 'unix' | 'pty'): Promise<number> {
  const chain = new Chain({ port, config: PATIENT, sim: ['--scenario', DAY, '--seed', '20'] });
  try {
    const monitor = await Monitor.start(await chain.chip(), OFFSETS);
    await chain.sim.waitFor(/scenario ended/);
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
    // At least half of 9 s of each; what happened before the monitor came is not sensed.
    expect(sensed(0, 7)).toBeGreaterThan(6_000);
    expect(sensed(8)).toBeGreaterThan(400);
    expect(sensed(9)).toBeGreaterThan(150);
    expect(sensed(10)).toBeGreaterThan(7 * 15);
    expect(sensed(12)).toBeGreaterThan(7);
    expect(sensed(14, 15)).toBe(0);
    return ledger.delivered / total.sensed;
  } finally {
    await chain.stop();
  }
}
