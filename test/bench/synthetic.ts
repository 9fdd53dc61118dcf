import type { ChipClient } from '../../src/api/client/types.js';
import { Chain, Monitor } from '../support/chain.js';
import { cpuSecondsOf } from './process-cost.js';
import { pipelineNs } from './synthetic-pipeline.js';

const LINES = 16;
const OFFSETS = Array.from({ length: LINES }, (_, offset) => offset);
const RATE = 50_000;
/** Of four each, parent, synthetic, synthetic, parent: what drifts meets both alike. */
const TURNS = 4;
const WARM_UP_MS = 4_000;
const SETTLE_MS = 300;

/**
 * CPU time of an event through a synthetic chip against one through its parent: the same lines of
 * the same daemon, in turns, so that whatever else the machine does meets both.
 */
export async function synthetic(seconds: number): Promise<void> {
  console.log(
    `CPU time of an event through a chip and a synthetic chip of its lines, ${LINES} lines, ${RATE.toLocaleString('en')} edges/s, ${2 * TURNS} times ${seconds} s each`,
  );
  console.log('                       parent   synthetic       ratio');
  print('one process, ns', ...(await pipelineNs()));
  const chain = new Chain({ port: 'unix', sim: ['--stimulus', `random:0-${LINES - 1}:${RATE}`] });
  try {
    const parent = await chain.chip();
    const client = await chain.client();
    await client.synthetic.make({ name: 'part', lines: [`hub:0-${LINES - 1}`], shared: true });
    const chips = [parent, await client.openChip('part')] as const;
    const measure = (chip: ChipClient, ms: number) => eventUs(chip, chain.daemon.process.pid!, ms);
    for (const chip of chips) await measure(chip, WARM_UP_MS);
    const costs: [number[], number[]] = [[], []];
    for (let turn = 0; turn < TURNS; turn++) {
      for (const which of [0, 1, 1, 0]) costs[which]!.push(await measure(chips[which]!, seconds * 1000));
    }
    const [direct, through] = costs.map(mean) as [number, number];
    print('daemon, us', direct, through);
  } finally {
    await chain.stop();
  }
}

function print(what: string, direct: number, through: number): void {
  const cells = [direct.toFixed(2), through.toFixed(2), (through / direct).toFixed(3)];
  console.log(`  ${what.padEnd(15)}${cells.map((text) => text.padStart(12)).join('')}`);
}

/** Microseconds of the daemon's CPU for each event of these lines. */
async function eventUs(chip: ChipClient, pid: number, ms: number): Promise<number> {
  const monitor = await Monitor.start(chip, OFFSETS);
  await sleep(SETTLE_MS);
  const [cpuBefore, before] = [cpuSecondsOf(pid), monitor.ledger.delivered];
  await sleep(ms);
  const [cpuAfter, after] = [cpuSecondsOf(pid), monitor.ledger.delivered];
  // What is on its way when the lines are given back is nobody's loss.
  const { lost } = monitor.ledger;
  const { violations } = await monitor.stop();
  if (violations.length > 0) throw new Error(violations.join('\n'));
  if (lost > 0) console.log(`  (${lost} edges were lost on '${chip.name}')`);
  return ((cpuAfter - cpuBefore) * 1e6) / (after - before);
}

/** Without the dearest and the cheapest quarter. */
function mean(all: readonly number[]): number {
  const quarter = Math.floor(all.length / 4);
  const middle = [...all].sort((a, b) => a - b).slice(quarter, all.length - quarter);
  return middle.reduce((sum, one) => sum + one, 0) / middle.length;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
