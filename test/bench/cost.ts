import { createConnection } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Chain, Monitor } from '../support/chain.js';
import { costOf } from './process-cost.js';
import { RawProcesses } from './raw-run.js';

const FLOOR = fileURLToPath(new URL('./floor.js', import.meta.url));
const FIRMATA = fileURLToPath(new URL('./firmata-peer.js', import.meta.url));
/** Lines that change at once: edges in one batch. */
const BATCHES = [1, 8, 60];
const PERIOD_MS = 2;
const WARM_UP_MS = 4_000;

/** Edges a second of one line or another, for the peer. */
const RATES = [5_000, 20_000, 50_000];
const PEER_LINES = 16;

/** CPU time (user and system) of an event: the daemon's against the floor's, on the same frames of the same simulator. */
export async function cost(seconds: number): Promise<void> {
  console.log(`CPU time of an event, lines that change at once every ${PERIOD_MS} ms, ${seconds} s each`);
  console.log('  edges at once   daemon us    floor us       ratio');
  for (const lines of BATCHES) {
    const daemon = await daemonUs('unix', range(lines), together(lines), seconds);
    const floor = await floorUs(lines, seconds);
    print(String(lines), daemon.toFixed(2), floor.toFixed(2), (daemon / floor).toFixed(2));
  }
}

/** The same against firmata-io, which follows pins over a serial line too: one line changes at a time. */
export async function peer(seconds: number): Promise<void> {
  console.log(`CPU time of an event on a pty, ${PEER_LINES} lines, one changes at a time, ${seconds} s each`);
  console.log('        edges/s   daemon us  firmata us       ratio');
  for (const rate of RATES) {
    const random = ['--stimulus', `random:0-${PEER_LINES - 1}:${rate}`];
    const daemon = await daemonUs('pty', range(PEER_LINES), random, seconds);
    const firmata = await firmataUs(PEER_LINES, rate, seconds);
    print(rate.toLocaleString('en'), daemon.toFixed(2), firmata.toFixed(2), (firmata / daemon).toFixed(2));
  }
}

function print(...cells: readonly string[]): void {
  console.log(cells.map((text, i) => text.padStart(i === 0 ? 15 : 12)).join(''));
}

function range(lines: number): number[] {
  return Array.from({ length: lines }, (_, offset) => offset);
}

function together(lines: number): string[] {
  const each = Array.from({ length: lines }, (_, line) => ['--stimulus', `toggle:${line}:${PERIOD_MS}ms`]);
  return ['--lines', '64', ...each.flat()];
}

async function daemonUs(
  port: 'unix' | 'pty',
  offsets: readonly number[],
  sim: readonly string[],
  seconds: number,
): Promise<number> {
  const chain = new Chain({ port, sim });
  try {
    const monitor = await Monitor.start(await chain.chip(), offsets);
    const us = await costOfEvents(chain.daemon.process.pid!, () => monitor.ledger.delivered, seconds);
    if (monitor.ledger.lost > 0) throw new Error(`${monitor.ledger.lost} edges were lost`);
    return us;
  } finally {
    await chain.stop();
  }
}

async function floorUs(lines: number, seconds: number): Promise<number> {
  const chain = new Chain({ port: 'unix', sim: together(lines) });
  const raw = new RawProcesses(FLOOR);
  try {
    await chain.chip();
    await chain.daemon.stop();
    const out = raw.directory.join('out');
    const floor = await raw.start(chain.port, out, String(lines));
    const client = createConnection(out);
    client.resume();
    await floor.waitFor('ready');
    const sensed = async (): Promise<number> => (await chain.simStats()).total.delivered;
    return await costOfEvents(floor.pid, sensed, seconds);
  } finally {
    raw.stop();
    await chain.stop();
  }
}

async function firmataUs(lines: number, rate: number, seconds: number): Promise<number> {
  const raw = new RawProcesses(FIRMATA);
  try {
    const pty = raw.directory.join('pty');
    await raw.start('source', pty, String(lines), String(rate));
    const reader = await raw.start('reader', pty, String(lines));
    return await costOfEvents(reader.pid, async () => Number(await reader.ask()), seconds);
  } finally {
    raw.stop();
  }
}

/** Microseconds of CPU of a process for each of the events that are counted meanwhile. */
async function costOfEvents(
  pid: number,
  events: () => number | Promise<number>,
  seconds: number,
): Promise<number> {
  await sleep(WARM_UP_MS);
  const [cpuBefore, before] = [costOf(pid).cpuSeconds, await events()];
  await sleep(seconds * 1000);
  const [cpuAfter, after] = [costOf(pid).cpuSeconds, await events()];
  if (after - before < 100) throw new Error(`only ${after - before} events came`);
  return ((cpuAfter - cpuBefore) * 1e6) / (after - before);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
