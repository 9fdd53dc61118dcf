import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { askControl } from '../../firmware-sim/control-client.js';
import { connect } from '../../src/api/client/connect.js';
import type { BridgeClient, RequestEvent } from '../../src/api/client/types.js';
import type { LineConfig } from '../../src/gpio/chip.js';
import { eventually, type Program, run } from '../support/program.js';
import { MAIN } from '../support/root.js';
import { usePrograms } from '../support/use-programs.js';

/** The daemon as a process, with simulated coprocessors on Unix sockets. */

const BOTH: LineConfig = { direction: 'input', edges: 'both', activeLow: false, eventClock: 'monotonic' };
const OUTPUT: LineConfig = { ...BOTH, direction: 'output', edges: 'none' };

const room = usePrograms();
const clients: BridgeClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
});

const started = (...args: string[]): Program => room.start(args);

async function sim(name: string, ...args: string[]): Promise<Program> {
  const program = started('sim', '--listen', `unix:${room.join(name)}`, ...args);
  await program.waitFor(/listening on/);
  return program;
}

function daemonArgs(...args: string[]): string[] {
  return ['daemon', '--runtime-dir', room.join('run'), ...args];
}

async function daemon(...args: string[]): Promise<Program> {
  const program = started(...daemonArgs(...args));
  await program.waitFor(/event=ready/);
  return program;
}

async function client(): Promise<BridgeClient> {
  const connected = await connect({ runtimeDir: room.join('run') });
  clients.push(connected);
  return connected;
}

it('takes no orders before the chips that it is to have are there', async () => {
  const names = Array.from({ length: 100 }, (_, i) => `c${i}`);
  const chips = names.map((name, i) => `[[synthetic]]\nname = "${name}"\nlines = ["hub:${i}"]\n`);
  writeFileSync(
    room.join('gb.toml'),
    `[[coprocessor]]\nname = "hub"\nlink = "unix:/nowhere"\n${chips.join('')}`,
  );
  const program = started(...daemonArgs('--config', room.join('gb.toml')));
  while (!existsSync(room.join('run/control'))) {
    if (program.process.exitCode !== null) throw new Error(program.stderr);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(readdirSync(room.join('run/chips')).sort()).toEqual(names.sort());
});

/** Chips that are up, once there are `count` of them. */
function upChips(bridge: BridgeClient, count: number) {
  return eventually(async () => {
    const { chips } = await bridge.status();
    const up = chips.filter((chip) => chip.state === 'up');
    return up.length === count ? up : undefined;
  }, `${count} chips up`);
}

/** `hub` alone, and so much time for the end that only what is stuck is cut short. */
function slowToGiveUp(): string {
  const file = room.join('slow.toml');
  const link = `unix:${room.join('hub')}`;
  writeFileSync(file, `[timeouts]\nshutdown_ms = 10000\n[[coprocessor]]\nname = "hub"\nlink = "${link}"\n`);
  return file;
}

function hubLink(): string[] {
  return ['--link', `hub=unix:${room.join('hub')}`];
}

describe('configuration', () => {
  it('that is not valid ends with status 2 and every error on a line', async () => {
    const file = room.join('bad.toml');
    writeFileSync(
      file,
      'colour = 1\n[[coprocessor]]\nname = "a/b"\nlink = "x"\nmode = "9"\ngroup = "no-such-group"\n',
    );
    for (const check of [[], ['--check']]) {
      const { status, stderr } = await run(daemonArgs('--config', file, ...check));
      expect(status).toBe(2);
      const lines = stderr.trim().split('\n');
      expect(lines.every((line) => line.startsWith('gpiobridge daemon: '))).toBe(true);
      for (const key of ['colour', 'coprocessor[0].name', 'coprocessor[0].link', 'coprocessor[0].mode']) {
        expect(lines.filter((line) => line.includes(`${key}: `))).toHaveLength(1);
      }
    }
    expect(existsSync(room.join('run'))).toBe(false);
  });

  it('may be checked', async () => {
    const file = room.join('ok.toml');
    writeFileSync(file, '[[coprocessor]]\nname = "hub"\nlink = "unix:/tmp/x"\n');
    expect(await run(daemonArgs('--config', file, '--check'))).toMatchObject({ status: 0, stderr: '' });
    const missing = await run(daemonArgs('--config', room.join('absent.toml'), '--check'));
    expect(missing).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('absent.toml: cannot be read'),
    });
    const group = room.join('group.toml');
    writeFileSync(group, '[[coprocessor]]\nname = "hub"\nlink = "unix:/tmp/x"\ngroup = "no-such-group"\n');
    expect(await run(daemonArgs('--config', group, '--check'))).toMatchObject({
      status: 2,
      stderr: "gpiobridge daemon: coprocessor[0].group: there is no group 'no-such-group'\n",
    });
  });

  it('decides about the sockets', async () => {
    const file = room.join('modes.toml');
    const root = process.getuid?.() === 0;
    const group = root ? 'group = "65534"\n' : '';
    writeFileSync(
      file,
      `[[coprocessor]]\nname = "hub"\nlink = "unix:${room.join('hub')}"\nmode = "0600"\n${group}`,
    );
    await sim('hub');
    await daemon('--config', file);
    await upChips(await client(), 1);
    const socket = statSync(`${room.join('run')}/chips/hub`);
    expect(socket.mode & 0o777).toBe(0o600);
    if (root) expect(socket.gid).toBe(65_534);
    expect(statSync(`${room.join('run')}/boot-ids`).mode & 0o777).toBe(0o600);
    expect(readdirSync(`${room.join('run')}/chips`)).toEqual(['hub']);
  });

  it('is read again at SIGHUP, and what did not change goes on', async () => {
    const file = room.join('gb.toml');
    const entry = (name: string) => `[[coprocessor]]\nname = "${name}"\nlink = "unix:${room.join(name)}"\n`;
    writeFileSync(file, entry('hub') + entry('mcu'));
    await Promise.all([sim('hub', '--stimulus', 'toggle:0:5ms'), sim('mcu'), sim('new')]);
    const served = await daemon('--config', file);
    const bridge = await client();
    await upChips(bridge, 2);
    const request = await (await bridge.openChip('hub')).requestLines({
      consumer: 't',
      offsets: [0],
      config: BOTH,
    });
    let events = 0;
    void (async () => {
      for await (const batch of request.events()) events += batch.length;
    })();
    writeFileSync(file, `colour = 1\n`);
    served.process.kill('SIGHUP');
    await served.waitFor(/event=not_reloaded .*colour/);
    writeFileSync(file, entry('hub') + entry('new'));
    served.process.kill('SIGHUP');
    await served.waitFor(/event=reloaded/);
    await upChips(bridge, 2);
    expect(await bridge.chips()).toEqual(['hub', 'new']);
    const before = events;
    await eventually(() => (events > before + 20 ? true : undefined), 'the request lives on');
  });
});

describe('one daemon to a runtime directory', () => {
  it('refuses a second, and takes over after one that was killed', async () => {
    await sim('hub');
    const first = await daemon(...hubLink());
    await upChips(await client(), 1);
    const second = await run(daemonArgs(...hubLink()));
    expect(second).toMatchObject({
      status: 1,
      stderr: `gpiobridge daemon: a daemon runs on this runtime directory already: pid ${first.process.pid}\n`,
    });
    // The first was not disturbed.
    expect(await (await client()).chips()).toEqual(['hub']);
    await first.stop('SIGKILL');
    expect(readdirSync(`${room.join('run')}/chips`)).toEqual(['hub']);
    writeFileSync(`${room.join('run')}/chips/left-behind`, '');
    await expect(connect({ runtimeDir: room.join('run') })).rejects.toMatchObject({ name: 'NO_DAEMON' });
    await daemon(...hubLink());
    await upChips(await client(), 1);
    expect(readdirSync(`${room.join('run')}/chips`)).toEqual(['hub']);
  });
});

describe('the end', () => {
  // That it takes less than a second is measured in in-time.slow.test.ts, with the machine to itself.
  it('comes in order: outputs driven on, clients told, files gone', async () => {
    const coprocessor = await sim('hub', '--control', room.join('control'));
    const served = await daemon('--config', slowToGiveUp());
    const bridge = await client();
    await upChips(bridge, 1);
    const chip = await bridge.openChip('hub');
    const output = await chip.requestLines({ consumer: 't', offsets: [3], config: { ...OUTPUT, value: 1 } });
    const input = await chip.requestLines({ consumer: 't', offsets: [0], config: BOTH });
    const seen: RequestEvent[] = [];
    const ended = (async () => {
      for await (const batch of input.events()) seen.push(...batch);
    })();
    expect(await served.stop('SIGTERM')).toBe(0);
    expect(served.stderr).not.toContain('stop_cut_short');
    await ended;
    expect(seen.at(-1)).toEqual({ type: 'ended', chip: 'hub', reason: 'the daemon is stopping' });
    await expect(output.getValues()).rejects.toMatchObject({ name: 'CLOSED' });
    expect(readdirSync(room.join('run')).sort()).toEqual(['boot-ids', 'chips']);
    expect(readdirSync(`${room.join('run')}/chips`)).toEqual([]);
    const pin = () => askControl(room.join('control'), { command: 'pin', line: 3 });
    expect(await pin()).toMatchObject({ direction: 'output', level: 1 });
    await daemon(...hubLink());
    await upChips(await client(), 1);
    expect(await pin()).toMatchObject({ direction: 'output', level: 1 });
    await coprocessor.stop('SIGTERM');
  });

  it('comes although the coprocessor and a client are stuck', async () => {
    const coprocessor = await sim('hub', '--stimulus', 'random:0-3:20000');
    const served = await daemon(...hubLink());
    const bridge = await client();
    await upChips(bridge, 1);
    const stuck = await (await bridge.openChip('hub')).requestLines({
      consumer: 'stuck',
      offsets: [0, 1, 2, 3],
      config: BOTH,
    });
    // Nobody takes its events.
    expect(stuck.offsets).toHaveLength(4);
    coprocessor.process.kill('SIGSTOP');
    expect(await served.stop('SIGINT')).toBe(0);
  });
});

describe('stderr', () => {
  for (const [what, redirect] of [
    ['closed', '2>&-'],
    ['full', '2>/dev/full'],
    ['a pipe that nobody reads', '2>&1 | sleep 30'],
  ] as const) {
    it(`may be ${what}`, async () => {
      await sim('hub');
      const args = daemonArgs(...hubLink()).join(' ');
      const shell = spawn('sh', ['-c', `"${process.execPath}" "${MAIN}" ${args} ${redirect}`], {
        stdio: 'ignore',
        detached: true,
      });
      try {
        const bridge = await eventually(() => client().catch(() => undefined), 'the daemon answers');
        await upChips(bridge, 1);
      } finally {
        // The shell, the daemon and the reader are one group of their own.
        process.kill(-shell.pid!, 'SIGKILL');
      }
    });
  }
});

describe('coprocessors', () => {
  it('give one chip for each controller, named by its number', async () => {
    await sim('hub', '--controllers', '64', '--lines', '64');
    await daemon(...hubLink());
    const bridge = await client();
    const chips = await upChips(bridge, 64);
    expect(chips.reduce((sum, chip) => sum + chip.lines, 0)).toBe(4_096);
    expect(await bridge.chips()).toEqual(Array.from({ length: 64 }, (_, i) => `hub.${i + 1}`));
  });

  it('may go and come back: clients see it, requests live through it', async () => {
    const first = await sim('hub', '--stimulus', 'toggle:0:5ms');
    await daemon(...hubLink());
    const bridge = await client();
    await upChips(bridge, 1);
    const chip = await bridge.openChip('hub');
    const request = await chip.requestLines({ consumer: 't', offsets: [0], config: BOTH });
    const seen: RequestEvent[] = [];
    void (async () => {
      for await (const batch of request.events()) seen.push(...batch);
    })();
    await eventually(() => seen.some((event) => event.type === 'edge') || undefined, 'an edge came');
    await first.stop('SIGKILL');
    await eventually(
      () => seen.some((event) => event.type === 'chip' && event.state === 'down') || undefined,
      'down',
    );
    const { coprocessors } = await bridge.status();
    expect(coprocessors[0]).toMatchObject({ name: 'hub', reason: expect.stringMatching(/\S/) });
    expect(['waiting', 'opening']).toContain(coprocessors[0]!.linkState);
    await sim('hub', '--stimulus', 'toggle:0:5ms');
    await eventually(
      () => seen.some((event) => event.type === 'chip' && event.state === 'up') || undefined,
      'up',
    );
    const from = seen.length;
    await eventually(
      () => seen.slice(from).some((event) => event.type === 'edge') || undefined,
      'edges again',
    );
    const gap = seen.find((event) => event.type === 'gap');
    expect(gap).toMatchObject({ lost: null, reason: 'firmware-restart' });
  });

  it('are remembered by their boot, so that a new daemon drops no output', async () => {
    await sim('hub');
    const first = await daemon(...hubLink());
    await upChips(await client(), 1);
    const bootIds = () => readFileSync(`${room.join('run')}/boot-ids`, 'utf8');
    const known = bootIds();
    expect(known).toMatch(/^hub [0-9]+\n$/);
    await first.stop('SIGKILL');
    await daemon(...hubLink());
    const bridge = await client();
    await upChips(bridge, 1);
    expect(bootIds()).toBe(known);
    expect((await bridge.status()).coprocessors[0]!.busCounters).toMatchObject({ sessions_resumed: 1 });
  });
});
