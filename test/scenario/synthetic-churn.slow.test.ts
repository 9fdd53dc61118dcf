import { readdirSync } from 'node:fs';
import { beforeAll, expect, it } from 'vitest';
import type { BridgeClient } from '../../src/api/client/types.js';
import { BOTH, OUTPUT } from '../contract/chip.js';
import { built } from '../support/built.js';
import { Chain, Monitor } from '../support/chain.js';

const WATCHED = 16;
const CHIPS = 1_000;
/** At a time, each by a maker of its own. */
const MAKERS = 8;
/** Less than the chips of one round would hold. */
const HEAP_ALLOWANCE = 8 * 2 ** 20;
const SAMPLE_MS = 50;

beforeAll(() => built(), 60_000);

it('a thousand chips made, used and deleted over and over cost no other chip an event and leave nothing', async () => {
  const sim = ['--lines', '32', '--stimulus', `random:0-${WATCHED - 1}:20000`];
  const chain = new Chain({ port: 'unix', sim });
  try {
    const hub = await chain.chip();
    const client = await chain.client();
    await client.synthetic.make({ name: 'watched', lines: ['hub:15-8'], shared: false });
    const parents = range(0, 8);
    const monitors = [
      await Monitor.start(hub, parents),
      await Monitor.start(await client.openChip('watched'), parents),
    ];
    const pid = chain.daemon.process.pid!;
    const descriptors = () => readdirSync(`/proc/${pid}/fd`).length;
    const round = async (): Promise<void> => {
      await churn(chain, CHIPS);
      await aliveTogether(client, CHIPS);
    };
    // Once before it is measured: what is compiled and allocated once.
    await round();
    const fdsBefore = descriptors();
    const heapBefore = await leastHeap(client, round);
    const heapAfter = await leastHeap(client, async () => {
      await round();
      await round();
    });
    expect(heapAfter - heapBefore).toBeLessThan(HEAP_ALLOWANCE);
    expect(descriptors()).toBeLessThanOrEqual(fdsBefore);
    expect((await client.synthetic.list()).map(({ name }) => name)).toEqual(['watched']);

    const [direct, through] = await Promise.all(monitors.map((monitor) => monitor.stop()));
    const { lines } = await chain.simStats();
    for (const offset of parents) {
      const watched = [
        [direct!.lines.get(offset)!, lines[offset]!],
        [through!.lines.get(offset)!, lines[15 - offset]!],
      ] as const;
      for (const [ledger, { line, sensed, overflowed, discarded }] of watched) {
        expect(sensed).toBeGreaterThan(0);
        expect(ledger.accounted, `line ${line}`).toBe(sensed);
        // Nothing is lost on the way: what is, the coprocessor itself had no room for while this
        // machine was behind, or had still kept when its interrupt was switched off at the end.
        expect(ledger.lost, `line ${line}`).toBe(overflowed + discarded);
      }
    }
    expect([...direct!.violations, ...through!.violations]).toEqual([]);
  } finally {
    await chain.stop();
  }
}, 300_000);

/** Each made, requested, watched and driven, then deleted or left by its maker. */
async function churn(chain: Chain, count: number): Promise<void> {
  const makers = range(0, MAKERS).map(async (maker) => {
    for (let i = maker; i < count; i += MAKERS) {
      const client = await chain.client();
      const name = `c${maker}`;
      const lines = [`hub:${16 + 2 * maker}`, `hub:${17 + 2 * maker}=led`];
      await client.synthetic.make({ name, lines, shared: false }, i % 2 === 0 ? 'connection' : 'daemon');
      const chip = await client.openChip(name);
      const config = [BOTH, { ...OUTPUT, value: 1 }] as const;
      await chip.requestLines({ consumer: 'churn', offsets: [0, 1], config });
      if (i % 2 === 1) await client.synthetic.delete(name);
      client.close();
    }
  });
  await Promise.all(makers);
}

/** All there at once, on the same lines. */
async function aliveTogether(client: BridgeClient, count: number): Promise<void> {
  for (const i of range(0, count))
    await client.synthetic.make({ name: `s${i}`, lines: ['hub:16-31'], shared: true });
  expect((await client.chips()).length).toBe(count + 2);
  for (const i of range(0, count)) await client.synthetic.delete(`s${i}`);
}

/** The daemon's heap as it is right after the garbage of some work was collected. */
async function leastHeap(client: BridgeClient, work: () => Promise<void>): Promise<number> {
  const used: number[] = [];
  let working = true;
  const sampling = (async () => {
    while (working) {
      used.push((await client.status()).memory.heapUsedBytes);
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
    }
  })();
  await work();
  working = false;
  await sampling;
  return Math.min(...used);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}
