import { writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect } from 'vitest';
import type { BridgeClient } from '../../src/api/client/types.js';
import { costOf } from '../bench/process-cost.js';
import { Chain, Monitor } from '../support/chain.js';
import { expectFlat, SMALL_HEAP } from '../support/flat-memory.js';
import { eventually } from '../support/program.js';
import { brokenConfig, CONFIG } from './broken-config.js';
import { fuzzSeed } from './corpus.js';

const OFFSETS = Array.from({ length: 16 }, (_, offset) => offset);
const RELOAD_MS = 60_000;

/**
 * Configurations that are mutated against a live daemon, each read at SIGHUP, while the one coprocessor that all
 * of them have as it was delivers its edges. Throws, with the seed, when the daemon ends, does not answer, no
 * longer reads its file, or when that coprocessor's lines notice anything. `growth`: of resident memory, bytes.
 */
export async function fuzzConfig(count: number, growth: number): Promise<{ taken: number; refused: number }> {
  const seed = fuzzSeed();
  const chain = new Chain({
    port: 'unix',
    sim: ['--stimulus', 'random:0-15:500'],
    config: '',
    daemonEnv: SMALL_HEAP,
  });
  try {
    return await fuzz(chain, fc.sample(others, { numRuns: count, seed }), growth);
  } catch (thrown) {
    const what = thrown instanceof Error ? thrown.stack : thrown;
    throw new Error(`GPIOBRIDGE_FUZZ_SEED=${seed}: ${what}\n${chain.daemon.stderr.slice(-4_000)}`);
  } finally {
    await chain.stop();
  }
}

/** Without what would make files anywhere on this machine. */
const HARMLESS = CONFIG.replace(/\[\[export\]\][^[]*|\[metrics\][^[]*/g, '').replace('"hub"', '"sensor"');

/** What else stands in the file: often right, so that coprocessors come and go. */
const others = fc.oneof(
  { arbitrary: brokenConfig(HARMLESS), weight: 8 },
  { arbitrary: fc.string({ maxLength: 100 }), weight: 1 },
  { arbitrary: fc.constant(''), weight: 1 },
);

async function fuzz(
  chain: Chain,
  texts: readonly string[],
  growth: number,
): Promise<{ taken: number; refused: number }> {
  const monitor = await Monitor.start(await chain.chip(), OFFSETS);
  const client = await chain.client();
  const rss: number[] = [];
  for (const text of texts) {
    reload(chain, text);
    const { coprocessors } = await client.status();
    expect(coprocessors.map(({ name }) => name)).toContain('hub');
    expect(chain.daemon.process.exitCode).toBeNull();
    rss.push(costOf(chain.daemon.process.pid!).rssBytes);
  }
  await readsOn(chain, client);
  expectFlat(rss, growth);
  const before = monitor.ledger.delivered;
  await eventually(() => (monitor.ledger.delivered > before + 100 ? true : undefined), 'further edges');
  const ledger = await monitor.stop();
  expect(ledger.violations).toEqual([]);
  expect(ledger.gaps.filter(({ lost }) => lost === null)).toEqual([]);
  expect(ledger.delivered + ledger.lost).toBe((await chain.simStats()).total.sensed);
  const told = (event: string): number => chain.daemon.stderr.split(event).length - 1;
  return { taken: told('event=reloaded'), refused: told('event=not_reloaded') };
}

/** The hub last: nothing before it can make its table another one and still be a configuration. */
function reload(chain: Chain, text: string): void {
  const hub = `[[coprocessor]]\nname = "hub"\nlink = "unix:${chain.port}"\n`;
  writeFileSync(chain.directory.join('config.toml'), `${text}\n${hub}`);
  chain.daemon.process.kill('SIGHUP');
}

/** A configuration that is right is taken, whatever came before it. */
async function readsOn(chain: Chain, client: BridgeClient): Promise<void> {
  reload(chain, '[[coprocessor]]\nname = "last"\nlink = "unix:/nowhere"\n');
  const isRead = async (): Promise<true | undefined> => {
    const { coprocessors } = await client.status();
    const names = coprocessors.map(({ name }) => name).sort();
    return names.join() === 'hub,last' ? true : undefined;
  };
  await eventually(isRead, () => `the last configuration\n${chain.daemon.stderr.slice(-2_000)}`, RELOAD_MS);
}
