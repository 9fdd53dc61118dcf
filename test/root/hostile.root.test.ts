import type { ChildProcess } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { askControl } from '../../firmware-sim/control-client.js';
import type { BridgeClient, ChipClient } from '../../src/api/client/types.js';
import { BOTH } from '../contract/chip.js';
import { built } from '../support/built.js';
import { Monitor } from '../support/chain.js';
import { eventually } from '../support/program.js';
import { type Account, Accounts } from './accounts.js';
import { House } from './house.js';

/**
 * A client that means harm, on the socket that another user's edges come through and on one of its
 * own: it gets errors, and nobody notices it.
 */

const EDGES = Array.from({ length: 16 }, (_, offset) => offset);
/** What the daemon may hold for one client that takes nothing, and some for the collector to be lazy. */
const MEMORY = 160 * 2 ** 20;

let accounts: Accounts;
let hostile: Account;
let neighbour: Account;
let house: House;
let bridge: BridgeClient;
let hub: ChipClient;
/** A synthetic chip of lines of the other coprocessor. */
let cut: ChipClient;
let monitor: Monitor;
let base: { clients: number; requests: number; rss: number; descriptors: number };
const attackers: ChildProcess[] = [];

beforeAll(async () => {
  await built();
  accounts = new Accounts();
  hostile = accounts.user('hostile');
  neighbour = accounts.user('neighbour');
  house = new House();
  await house.start(
    ['hub', 'rack']
      .map((name) => `[[coprocessor]]\nname = "${name}"\nLINK(${name})\nmode = "0666"\n`)
      .join('')
      .concat('[[synthetic]]\nname = "cut"\nlines = ["rack:512-1023"]\nmode = "0666"\n'),
    { hub: ['--stimulus', 'random:0-15:500'], rack: ['--lines', '1024'] },
  );
  bridge = await house.client();
  hub = await bridge.openChip('hub');
  monitor = await Monitor.start(hub, EDGES);
  cut = await bridge.openChip('cut');
  await cut.requestLines({ consumer: 'monitor', offsets: [0], config: BOTH });
  base = await measure();
}, 120_000);
afterEach(async () => {
  for (const attacker of attackers.splice(0)) attacker.kill('SIGKILL');
  await eventually(async () => {
    const { clients, requests } = await measure();
    return clients <= base.clients && requests <= base.requests ? true : undefined;
  }, 'all of the hostile client to be gone');
  expect((await measure()).rss).toBeLessThan(base.rss + MEMORY);
}, 60_000);
afterAll(async () => {
  for (const attacker of attackers) attacker.kill('SIGKILL');
  await house?.stop();
  accounts?.remove();
}, 60_000);

async function measure() {
  const { clients, requests, memory, pid } = await bridge.status();
  const descriptors = readdirSync(`/proc/${pid}/fd`).length;
  return { clients, requests, rss: memory.rssBytes, descriptors };
}

/** Starts the attack as the hostile user; resolves with what it says of it. */
async function attack(how: string, socket: string, count = 1): Promise<Record<string, unknown>> {
  const child = house.program(hostile, 'hostile.mjs', how, house.socket(socket), String(count));
  attackers.push(child);
  let text = '';
  let errors = '';
  child.stdout!.setEncoding('utf8').on('data', (more: string) => {
    text += more;
  });
  child.stderr!.setEncoding('utf8').on('data', (more: string) => {
    errors += more;
  });
  await eventually(
    () => (text.includes('\n') || child.exitCode !== null ? true : undefined),
    `${how} ${errors}`,
    30_000,
  );
  return JSON.parse(text || JSON.stringify({ errors })) as Record<string, unknown>;
}

/** Edges go on, now: some that were sensed after this was called. */
async function edgesGoOn(): Promise<void> {
  const { delivered } = monitor.ledger;
  await eventually(() => (monitor.ledger.delivered > delivered + 50 ? true : undefined), 'more edges');
}

describe.each(['hub', 'rack', 'cut'])('on the socket of %s', (socket) => {
  it('huge messages end their connections', async () => {
    expect(await attack('huge', socket)).toEqual({ disconnected: [true, true, true, true, true] });
    await edgesGoOn();
  });

  it('half messages are waited for, and cost others nothing', async () => {
    expect(await attack('half', socket, 200)).toMatchObject({ held: 200 });
    await edgesGoOn();
    expect((await measure()).rss).toBeLessThan(base.rss + MEMORY);
  });

  it('of thousands of connections, no more are taken than may be', async () => {
    const { open, of } = await attack('connections', socket, 3_000);
    expect(of).toBe(3_000);
    expect(open).toBeGreaterThan(200);
    expect(open).toBeLessThanOrEqual(224);
    // Another user still gets in.
    const other = await house.raw(neighbour, socket, 'server.info');
    expect(other.result).toMatchObject({ chip: socket });
    await edgesGoOn();
    expect((await measure()).descriptors).toBeLessThan(base.descriptors + 300);
  });

  it('answers that are never read are kept to a bound', async () => {
    expect(await attack('unread', socket, 200)).toMatchObject({ held: 200 });
    await edgesGoOn();
    expect((await measure()).rss).toBeLessThan(base.rss + MEMORY);
  });

  it('storms of calls leave time for others', async () => {
    await attack('storm', socket, 20);
    await edgesGoOn();
    await edgesGoOn();
    expect(await hub.lineInfo(0)).toMatchObject({ consumer: 'monitor' });
  });
});

describe.each(['hub', 'cut'])(
  "others' lines, paths for names and methods of other sockets, on %s",
  (socket) => {
    it('are refused by name', async () => {
      const { answers } = await attack('strangers', socket);
      expect(answers).toEqual([
        ...['BUSY', 'BUSY', 'NOT_FOUND', 'NOT_FOUND', 'NOT_FOUND', 'NOT_FOUND', 'NOT_FOUND'],
        ...Array.from({ length: 8 }, () => 'INVALID_ARGUMENT'),
        ...['NOT_FOUND', 'NOT_FOUND', 'NOT_FOUND', 'NOT_FOUND', 'ok', 'INVALID_ARGUMENT'],
        ...Array.from({ length: 10 }, () => 'ok'),
      ]);
      for (const chip of [hub, cut])
        expect(await chip.lineInfo(0)).toMatchObject({ consumer: 'monitor', edges: 'both' });
    });
  },
);

it('no edge of the other client was lost, and each is accounted for', async () => {
  const ledger = await monitor.stop();
  const stats = await askControl(house.simControl('hub'), { command: 'stats' });
  expect(ledger.violations).toEqual([]);
  for (const [offset, line] of ledger.lines) {
    expect(line.accounted, `line ${offset}`).toBe(stats.lines[offset]!.sensed);
  }
  expect(ledger.lost).toBe(0);
});

it('nothing is left of it: no descriptor, connection or request', async () => {
  await eventually(async () => {
    // The monitor's own connection is gone as well.
    return (await measure()).descriptors <= base.descriptors ? true : undefined;
  }, 'descriptors as before');
});
