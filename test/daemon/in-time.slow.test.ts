import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { LineConfig } from '../../src/gpio/chip.js';
import { built } from '../support/built.js';
import { Chain, type ChainOptions } from '../support/chain.js';
import { eventually } from '../support/program.js';

/**
 * What the daemon takes for its start and its end, as a user would see it. The quickest of some is what
 * counts: how long it takes on a machine that has time for it.
 */
const TIMES = 5;
const BOTH: LineConfig = { direction: 'input', edges: 'both', activeLow: false, eventClock: 'monotonic' };

beforeAll(built);

let chain: Chain | undefined;
afterEach(async () => {
  chain?.sim.process.kill('SIGCONT');
  await chain?.stop();
});

/** The least that `measure` took, on a chain of its own each time, ms. */
async function quickest(options: ChainOptions, measure: (chain: Chain) => Promise<number>): Promise<number> {
  const took: number[] = [];
  for (let i = 0; i < TIMES; i++) {
    chain = new Chain(options);
    took.push(await measure(chain));
    chain.sim.process.kill('SIGCONT');
    await chain.stop();
  }
  return Math.min(...took);
}

/** Ends the daemon; how long that took, ms. */
async function stopped({ daemon }: Chain, signal: NodeJS.Signals): Promise<number> {
  const start = performance.now();
  expect(await daemon.stop(signal)).toBe(0);
  return performance.now() - start;
}

describe('the end of the daemon', () => {
  it('comes in under a second, in order', async () => {
    const took = await quickest({ port: 'unix' }, async (one) => {
      const chip = await one.chip();
      await chip.requestLines({ consumer: 't', offsets: [0], config: BOTH });
      const ms = await stopped(one, 'SIGTERM');
      expect(one.daemon.stderr).not.toContain('stop_cut_short');
      return ms;
    });
    expect(took).toBeLessThan(1_000);
  });

  it('comes in under a second although the coprocessor and a client are stuck', async () => {
    const sim = ['--stimulus', 'random:0-3:20000'];
    const took = await quickest({ port: 'unix', sim }, async (one) => {
      const chip = await one.chip();
      // Nobody takes its events.
      await chip.requestLines({ consumer: 'stuck', offsets: [0, 1, 2, 3], config: BOTH });
      one.sim.process.kill('SIGSTOP');
      return stopped(one, 'SIGINT');
    });
    expect(took).toBeLessThan(1_000);
  });
});

describe('64 controllers with 4,096 lines', () => {
  it('are up within two seconds of a daemon that answers', async () => {
    const sim = ['--controllers', '64', '--lines', '64'];
    const took = await quickest({ port: 'unix', sim }, async (one) => {
      const client = await one.client();
      const start = performance.now();
      await eventually(async () => {
        const { chips } = await client.status();
        return chips.filter(({ state }) => state === 'up').length === 64 ? true : undefined;
      }, '64 chips up');
      return performance.now() - start;
    });
    expect(took).toBeLessThan(2_000);
  });
});
