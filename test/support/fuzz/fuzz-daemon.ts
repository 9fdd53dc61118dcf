import fc from 'fast-check';
import { expect } from 'vitest';
import type { BridgeClient } from '../../../src/api/client/types.js';
import { runtimeLayout } from '../../../src/api/runtime-dir.js';
import { costOf } from '../../bench/process-cost.js';
import { Chain, Monitor, PATIENT } from '../chain.js';
import { expectFlat, SMALL_HEAP } from '../flat-memory.js';
import { eventually, temporaryDirectory } from '../program.js';
import { Decoders } from './decoders.js';
import { DISRUPTIONS } from './disruptions.js';
import { HostileCoprocessor } from './hostile-coprocessor.js';
import { useLines } from './line-user.js';
import { brokenMessage, oddCall } from './messages.js';
import { hostilePacket } from './packets.js';
import { sendTo } from './raw-client.js';

export interface FuzzOptions {
  /** Packets and messages, all together. */
  readonly packets: number;
  /** GPIOBRIDGE_FUZZ_SEED, or another one each time. */
  readonly seed?: number;
  /** What the daemon's resident memory may grow by once it is warm, bytes. */
  readonly growth: number;
}

export interface FuzzResult {
  readonly seed: number;
  /** Packets and runs of bytes that went to the daemon's link. */
  readonly packets: number;
  /** Messages, good and bad, that were sent to its sockets. */
  readonly messages: number;
  readonly seconds: number;
  readonly logLines: number;
}

const ROUND = 1_000;
/** Packets handed to the link at a time: no more than it queues. */
const CHUNK = 64;
/** Of each round, to the sockets of the API. */
const ODD_CALLS = 80;
const BROKEN_MESSAGES = 20;
/** Lines of log at the start, and in each minute: everything that repeats is limited. */
const FEW_LINES = 200;
const LINES_A_MINUTE = 400;

const HUB = Array.from({ length: 16 }, (_, offset) => offset);
const EVIL = ['evil.1', 'evil.2'];

/** What has to have happened to the daemon, or the packets would have missed what they were for. */
const HAPPENED = {
  link: ['discarded_crc', 'data_out_of_sequence', 'sessions'],
  bus: [
    'dropped_header_cut',
    'dropped_size_over_packet',
    'dropped_size_under_8',
    'dropped_body_cut',
    'dropped_element_cut',
    'dropped_unknown_id',
    'dropped_unexpected',
    'used_unknown_device',
    'events_unknown_device',
    'stale_hello_answers',
    'boots_announced',
    'pings_answered',
    'log_messages',
    'sessions_resumed',
  ],
} as const;

/**
 * Random and mutated packets through every decoder and against a live daemon, from a coprocessor and
 * from clients, while a second coprocessor delivers its edges and a program uses the lines of the
 * first. Throws, with the seed, when anything but counters comes of it.
 */
export async function fuzzDaemon(options: FuzzOptions): Promise<FuzzResult> {
  const seed = options.seed ?? Number(process.env.GPIOBRIDGE_FUZZ_SEED ?? Math.floor(Math.random() * 1e9));
  const directory = temporaryDirectory();
  const port = directory.join('evil');
  const evil = await HostileCoprocessor.listen(port);
  const chain = new Chain({
    port: 'unix',
    sim: ['--stimulus', 'random:0-15:500'],
    config: PATIENT,
    daemon: ['--link', `evil=unix:${port}`],
    daemonEnv: SMALL_HEAP,
  });
  try {
    return await fuzz({ ...options, seed }, chain, evil);
  } catch (thrown) {
    const what = thrown instanceof Error ? thrown.stack : thrown;
    throw new Error(`GPIOBRIDGE_FUZZ_SEED=${seed}: ${what}\n${chain.daemon.stderr.slice(-4_000)}`);
  } finally {
    await chain.stop();
    await evil.close();
    directory.remove();
  }
}

async function fuzz(
  { packets, seed, growth }: Required<FuzzOptions>,
  chain: Chain,
  evil: HostileCoprocessor,
): Promise<FuzzResult> {
  const monitor = await Monitor.start(await chain.chip(), HUB);
  const client = await chain.client();
  const stopUsing = useLines(client, EVIL[0]!);
  const decoders = new Decoders();
  const rss: number[] = [];
  const start = performance.now();
  const rounds = Math.ceil(packets / ROUND);
  for (let round = 0; round < rounds; round++) {
    await evil.up(() => isUp(client));
    await oneRound(chain, evil, decoders, round, seed + round);
    expect(chain.daemon.process.exitCode).toBeNull();
    rss.push(costOf(chain.daemon.process.pid!).rssBytes);
  }
  const seconds = (performance.now() - start) / 1_000;
  const logLines = chain.daemon.stderr.split('\n').length;
  await stopUsing();
  expectFlat(rss, growth);
  expect(logLines).toBeLessThan(FEW_LINES + (LINES_A_MINUTE * seconds) / 60);
  await expectHappened(client, decoders);
  await expectUnharmed(chain, client, monitor);
  evil.hangUp();
  await evil.up(() => isUp(client));
  expect((await (await client.openChip(EVIL[1]!)).lines()).length).toBe(HUB.length);
  const messages = rounds * (ODD_CALLS + BROKEN_MESSAGES);
  return { seed, packets: evil.sent, messages, seconds, logLines };
}

async function oneRound(
  chain: Chain,
  evil: HostileCoprocessor,
  decoders: Decoders,
  round: number,
  seed: number,
): Promise<void> {
  const packets = sample(hostilePacket, ROUND - ODD_CALLS - BROKEN_MESSAGES, seed);
  const odd = sample(oddCall, ODD_CALLS, seed);
  const broken = sample(brokenMessage, BROKEN_MESSAGES, seed);
  for (const bytes of [...packets, ...odd, ...broken]) decoders.take(bytes);
  const { control, chips } = runtimeLayout(chain.runtimeDir);
  const sockets = [control, `${chips}/hub`, `${chips}/${EVIL[0]}`];
  const path = sockets[round % sockets.length]!;
  await Promise.all([sendPackets(evil, packets), sendMessages(path, odd, broken)]);
  const [disrupt] = sample(DISRUPTIONS[round % DISRUPTIONS.length]!, 1, seed);
  await disrupt!(evil);
}

async function sendPackets(evil: HostileCoprocessor, packets: readonly Uint8Array[]): Promise<void> {
  for (let at = 0; at < packets.length; at += CHUNK) await evil.send(packets.slice(at, at + CHUNK));
}

/** Calls without sense leave a connection up; each broken message has one to itself. */
async function sendMessages(
  path: string,
  odd: readonly Uint8Array[],
  broken: readonly Uint8Array[],
): Promise<void> {
  await sendTo(path, Buffer.concat(odd));
  for (const bytes of broken) await sendTo(path, bytes);
}

/** Whether the daemon has both controllers of the hostile coprocessor up. */
async function isUp(client: BridgeClient): Promise<boolean> {
  const { chips } = await client.status();
  return EVIL.every((name) => chips.some((chip) => chip.name === name && chip.state === 'up'));
}

/** The packets got where they were to go. */
async function expectHappened(client: BridgeClient, decoders: Decoders): Promise<void> {
  const { coprocessors, counters } = await client.status();
  const { linkCounters, busCounters } = coprocessors.find(({ name }) => name === 'evil')!;
  const never = [
    ...HAPPENED.link.filter((name) => !linkCounters[name]),
    ...HAPPENED.bus.filter((name) => !busCounters[name]),
    ...(['clients_broke_format', 'calls_failed'] as const).filter((name) => !counters[name]),
    ...(['frames', 'discarded', 'messages', 'broken'] as const).filter((name) => decoders[name] === 0),
  ];
  expect(never).toEqual([]);
}

/** The daemon has the other coprocessor as if nothing had been: every edge delivered or counted, and more to come. */
async function expectUnharmed(chain: Chain, client: BridgeClient, monitor: Monitor): Promise<void> {
  const { coprocessors } = await client.status();
  expect(coprocessors.map(({ name }) => name).sort()).toEqual(['evil', 'hub']);
  const before = monitor.ledger.delivered;
  await eventually(() => (monitor.ledger.delivered > before + 100 ? true : undefined), 'further edges');
  const ledger = await monitor.stop();
  const stats = await chain.simStats();
  expect(ledger.violations).toEqual([]);
  // A machine that is starved keeps edges waiting at the device, and loses those that are too many; it says so.
  expect(ledger.gaps.filter(({ lost }) => lost === null)).toEqual([]);
  expect(ledger.accounted).toBe(stats.total.sensed);
  const { overflowed, discarded } = stats.total;
  if (overflowed + discarded === 0) {
    const elsewhere = ledger.gaps.filter(({ reason }) => reason !== 'client-queue');
    expect(elsewhere).toEqual([]);
  }
}

function sample<T>(arbitrary: fc.Arbitrary<T>, count: number, seed: number): T[] {
  return fc.sample(arbitrary, { numRuns: count, seed });
}
