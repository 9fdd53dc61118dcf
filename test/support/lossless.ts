import { expect } from 'vitest';
import type { ControlResults } from '../../firmware-sim/control-protocol.js';
import { Chain, type ChainOptions, Monitor, PATIENT } from './chain.js';
import { STEP_MS } from './limits.js';
import { eventually } from './program.js';

const LINES = 16;
const OFFSETS = Array.from({ length: LINES }, (_, offset) => offset);

/** Edges a second over all lines; bytes damaged at one in a thousand, both ways. */
export const DAMAGED: readonly string[] = ['--stimulus', 'random:0-15:2000', '--fault', 'corrupt:0.001'];

/** How many edges there are to be, however long a machine takes for them. */
const LONGEST_MS = 2 * STEP_MS;

/**
 * The first promise, held to the edge: of so many edges and more that a damaged line delivers, each is
 * delivered or counted, and nothing is invented, doubled or reordered.
 */
export async function expectNothingLostUncounted(options: ChainOptions, edges: number): Promise<void> {
  await keepsPromise(options, async (monitor) => {
    await eventually(
      () => (monitor.ledger.delivered >= edges ? true : undefined),
      () => `${edges} edges, not ${monitor.ledger.delivered}`,
      LONGEST_MS,
    );
  });
}

/**
 * The same of what such a line carries for `seconds`, and at least this part of it is delivered at the
 * end of that time; what is on its way then comes later.
 */
export async function expectNearlyAllDelivered(
  options: ChainOptions,
  seconds: number,
  leastDelivered: number,
): Promise<void> {
  const { delivered, sensed, what } = await keepsPromise(options, () => {
    return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  });
  expect(sensed).toBeGreaterThan(1_500 * seconds);
  expect(delivered / sensed, what).toBeGreaterThan(leastDelivered);
}

/** Holds the promise to what happens until `enough`; resolves with how many had been delivered and sensed then. */
async function keepsPromise(
  options: ChainOptions,
  enough: (monitor: Monitor) => Promise<void>,
): Promise<{ delivered: number; sensed: number; what: string }> {
  const chain = new Chain({ config: PATIENT, ...options });
  try {
    const chip = await chain.chip();
    const monitor = await Monitor.start(chip, OFFSETS);
    await enough(monitor);
    // While the session holds and nothing overflows, nothing is lost at all.
    const { delivered, lost } = monitor.ledger;
    const before = await chain.simStats();
    const ledger = await monitor.stop();
    const stats = await chain.simStats();
    const status = await (await chain.client()).status();
    const what = describe({ total: stats.total, gaps: ledger.gaps.length, status });
    expect(ledger.violations, what).toEqual([]);
    expect(
      ledger.gaps.filter((gap) => gap.lost === null),
      what,
    ).toEqual([]);
    expectAccounted(ledger, stats, what);
    const [hub] = status.coprocessors;
    if (hub!.linkCounters.sessions === 1 && before.total.overflowed === 0) expect(lost, what).toBe(0);
    return { delivered, sensed: before.total.sensed, what };
  } finally {
    await chain.stop();
  }
}

function expectAccounted({ lines }: Monitor['ledger'], stats: ControlResults['stats'], what: string): void {
  for (const [offset, line] of lines) {
    expect(line.accounted, `line ${offset}: ${what}`).toBe(stats.lines[offset]!.sensed);
  }
}

function describe(what: unknown): string {
  return JSON.stringify(what, (_, value) => (typeof value === 'bigint' ? `${value}` : value));
}
