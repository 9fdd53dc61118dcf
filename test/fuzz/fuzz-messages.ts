import { expect } from 'vitest';
import { costOf } from '../bench/process-cost.js';
import { randomFrom } from '../support/arq-world.js';
import { Chain, Monitor, PATIENT } from '../support/chain.js';
import { expectFlat, SMALL_HEAP } from '../support/flat-memory.js';
import { useLines } from '../support/fuzz/line-user.js';
import { eventually, temporaryDirectory } from '../support/program.js';
import { fuzzSeed } from './corpus.js';
import { HostileFirmware, type MessageDialect } from './hostile-firmware.js';

const DIALECTS: readonly MessageDialect[] = ['rpmsg-gpio', 'rpmsg-gpio-v14', 'srtm'];
const LINES = 16;
const ROUND = 300;
const OFFSETS = Array.from({ length: LINES }, (_, offset) => offset);

/**
 * Messages of firmware in the dialects of messages, mutated and without sense, against a live daemon whose
 * clients use the lines, while another coprocessor delivers its edges. Throws, with the seed, when anything
 * but counters comes of it. `growth`: of resident memory, bytes.
 */
export async function fuzzMessages(count: number, growth: number): Promise<{ seed: number; sent: number }> {
  const seed = fuzzSeed();
  const directory = temporaryDirectory();
  const hostile: HostileFirmware[] = [];
  for (const dialect of DIALECTS) {
    hostile.push(await HostileFirmware.listen(dialect, directory.join(dialect), randomFrom(seed)));
  }
  const chain = new Chain({
    port: 'unix',
    sim: ['--stimulus', 'random:0-15:500'],
    config: PATIENT + hostileTables(directory),
    daemonEnv: SMALL_HEAP,
  });
  try {
    await fuzz(chain, hostile, count, seed, growth);
    return { seed, sent: hostile.reduce((sum, { sent }) => sum + sent, 0) };
  } catch (thrown) {
    const what = thrown instanceof Error ? thrown.stack : thrown;
    throw new Error(`GPIOBRIDGE_FUZZ_SEED=${seed}: ${what}\n${chain.daemon.stderr.slice(-4_000)}`);
  } finally {
    await chain.stop();
    for (const one of hostile) await one.close();
    directory.remove();
  }
}

/** The hostile firmware, one coprocessor for each dialect, as a configuration has it. */
function hostileTables(directory: { join: (name: string) => string }): string {
  const tables = DIALECTS.map((dialect) => {
    const link = `seqpacket:${directory.join(dialect)}`;
    return `[[coprocessor]]\nname = "${dialect}"\nlink = "${link}"\ndialect = "${dialect}"\nngpio = ${LINES}\n`;
  });
  return tables.join('\n');
}

async function fuzz(
  chain: Chain,
  hostile: readonly HostileFirmware[],
  count: number,
  seed: number,
  growth: number,
): Promise<void> {
  const monitor = await Monitor.start(await chain.chip(), OFFSETS);
  const client = await chain.client();
  const users = DIALECTS.map((dialect) => useLines(client, dialect));
  const rss: number[] = [];
  const rounds = Math.ceil(count / (ROUND * DIALECTS.length));
  for (let round = 0; round < rounds; round++) {
    await Promise.all(hostile.map((firmware) => firmware.send(ROUND, seed + round)));
    if (round % 50 === 49) for (const firmware of hostile) firmware.hangUp();
    expect(chain.daemon.process.exitCode).toBeNull();
    rss.push(costOf(chain.daemon.process.pid!).rssBytes);
  }
  await Promise.all(users.map((stop) => stop()));
  expectFlat(rss, growth);
  const { coprocessors } = await client.status();
  for (const dialect of DIALECTS) {
    const { busCounters } = coprocessors.find(({ name }) => name === dialect)!;
    expect(
      Object.entries(busCounters).filter(([name, value]) => name.startsWith('dropped') && value > 0),
    ).not.toEqual([]);
  }
  const before = monitor.ledger.delivered;
  await eventually(() => (monitor.ledger.delivered > before + 100 ? true : undefined), 'further edges');
  const ledger = await monitor.stop();
  expect(ledger.violations).toEqual([]);
  expect(ledger.delivered + ledger.lost).toBe((await chain.simStats()).total.sensed);
}
