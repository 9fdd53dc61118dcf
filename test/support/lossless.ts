import { expect } from 'vitest';
import { Chain, type ChainOptions, Monitor } from './chain.js';

const LINES = 16;
const OFFSETS = Array.from({ length: LINES }, (_, offset) => offset);

/** Edges a second over all lines; bytes damaged at one in a thousand, both ways. */
export const DAMAGED: readonly string[] = ['--stimulus', 'random:0-15:2000', '--fault', 'corrupt:0.001'];

/**
 * The first promise, held to the edge: what a damaged line carries for `seconds` is delivered or
 * counted, nothing is invented, doubled or reordered, and at least this part of it is delivered at
 * the end of that time; what is on its way then comes later.
 */
export async function expectNothingLostUncounted(
  options: ChainOptions,
  seconds: number,
  leastDelivered: number,
): Promise<void> {
  const chain = new Chain(options);
  try {
    const chip = await chain.chip();
    const monitor = await Monitor.start(chip, OFFSETS);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    // While the session holds and nothing overflows, nothing is lost at all.
    const { delivered, lost } = monitor.ledger;
    const before = await chain.simStats();
    const ledger = await monitor.stop();
    const stats = await chain.simStats();
    const status = await (await chain.client()).status();
    const what = JSON.stringify({ total: stats.total, gaps: ledger.gaps.length, status }, (_, value) =>
      typeof value === 'bigint' ? `${value}` : value,
    );
    expect(ledger.violations, what).toEqual([]);
    expect(
      ledger.gaps.filter((gap) => gap.lost === null),
      what,
    ).toEqual([]);
    for (const [offset, line] of ledger.lines) {
      expect(line.accounted, `line ${offset}: ${what}`).toBe(stats.lines[offset]!.sensed);
    }
    expect(stats.total.sensed).toBeGreaterThan(1_500 * seconds);
    const [hub] = status.coprocessors;
    if (hub!.linkCounters.sessions === 1 && before.total.overflowed === 0) expect(lost, what).toBe(0);
    expect(delivered / before.total.sensed, what).toBeGreaterThan(leastDelivered);
  } finally {
    await chain.stop();
  }
}
