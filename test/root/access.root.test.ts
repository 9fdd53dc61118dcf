import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { built } from '../support/built.js';
import { eventually, run, temporaryDirectory } from '../support/program.js';
import { type Account, Accounts } from './accounts.js';
import { canRun } from './as-user.js';
import { House } from './house.js';

/** Who reaches what, with real users: by the tools, and by hand where the tools would not even try. */

const CHIPS = ['hub', 'lab', 'lock', 'rack'];
const SOCKETS = [...CHIPS, 'control'];

let accounts: Accounts;
let house: House;
let users: Record<'door' | 'panel' | 'ops' | 'stranger', Account>;
let gpio: { name: string; gid: number };

/** The sockets that each may use. */
const MAY: Readonly<Record<keyof typeof users, readonly string[]>> = {
  door: ['hub', 'lock'],
  panel: ['rack'],
  ops: ['control'],
  stranger: [],
};
const CASES = Object.entries(MAY).flatMap(([user, may]) =>
  SOCKETS.map((socket) => [user as keyof typeof users, socket, may.includes(socket)] as const),
);

beforeAll(async () => {
  await built();
  accounts = new Accounts();
  gpio = accounts.group('gpio');
  const adm = accounts.group('adm');
  users = {
    door: accounts.user('door'),
    panel: accounts.user('panel', [gpio.name]),
    ops: accounts.user('ops', [adm.name]),
    stranger: accounts.user('stranger'),
  };
  house = new House();
  await house.start(
    `control_group = "${adm.name}"
    [[coprocessor]]
    name = "hub"
    LINK(hub)
    owner = "${users.door.name}"
    mode = "0600"
    [[coprocessor]]
    name = "rack"
    LINK(rack)
    group = "${gpio.name}"
    [[coprocessor]]
    name = "lab"
    LINK(lab)
    [[synthetic]]
    name = "lock"
    lines = ["lab:1=bolt", "rack:3"]
    owner = "${users.door.name}"
    mode = "0600"
    `,
    {
      hub: ['--names', 'LOCK,SENSOR'],
      rack: ['--names', 'FAN'],
      lab: ['--names', 'SECRET'],
    },
  );
}, 120_000);
afterAll(async () => {
  await house?.stop();
  accounts?.remove();
});

describe('a socket', () => {
  it('has the owner, group and mode that it was given', () => {
    const told = Object.fromEntries(
      SOCKETS.map((name) => {
        const { uid, gid, mode } = statSync(house.socket(name));
        return [name, [uid, gid, (mode & 0o7777).toString(8)]];
      }),
    );
    expect(told).toEqual({
      hub: [users.door.uid, 0, '600'],
      rack: [0, gpio.gid, '660'],
      lab: [0, 0, '660'],
      lock: [users.door.uid, 0, '600'],
      control: [0, statSync(house.socket('control')).gid, '660'],
    });
  });

  it.each(CASES)('by hand: %s at %s: %s', async (user, socket, may) => {
    const outcome = await house.raw(users[user], socket, 'server.info');
    if (may) expect(outcome.result).toMatchObject({ chip: socket === 'control' ? null : socket });
    else expect(outcome).toEqual({ refused: 'EACCES' });
  });

  it.each(CASES.filter(([, socket]) => socket !== 'control'))(
    'by the tools: %s at %s: %s',
    async (user, chip, may) => {
      const { status, stdout, stderr } = await house.tool(users[user], 'get', '--numeric', '-c', chip, '0');
      if (may) expect([status, stdout]).toEqual([0, '0\n']);
      else expect([status, stdout, stderr]).toEqual([1, '', expect.stringMatching(/permission/i)]);
    },
  );
});

describe('a user', () => {
  it('sees the names of chips, and only the own lines', async () => {
    const { stdout } = await house.tool(users.door, 'info');
    expect(stdout).toMatch(/^hub - .*\n.*LOCK/);
    expect(stdout).not.toMatch(/rack|FAN|lab|SECRET/);
    expect(canRun(users.stranger, 'ls', join(house.runtimeDir, 'chips'))).toBe(true);
    const nothing = await house.tool(users.stranger, 'info');
    expect([nothing.status, nothing.stdout]).toEqual([1, '']);
    expect(nothing.stderr).toMatch(/unable to open chip/);
    expect(nothing.stderr).not.toMatch(/FAN|LOCK|SECRET/);
  });

  it('of one chip hears of no other, whatever is asked', async () => {
    const panel = await (await house.client()).openChip('rack');
    const config = { direction: 'input', edges: 'none', activeLow: false, eventClock: 'monotonic' } as const;
    const request = await panel.requestLines({ consumer: 'panel-secret', offsets: [0], config });
    const asked = await Promise.all([
      house.raw(users.door, 'hub', 'server.info'),
      house.raw(users.door, 'hub', 'chip.info'),
      house.raw(users.door, 'hub', 'chip.lines'),
      house.raw(users.door, 'hub', 'chip.find_line', 'FAN'),
      house.raw(users.door, 'hub', 'chip.find_line', '../rack/FAN'),
      house.raw(users.door, 'hub', 'persistent.release'),
      house.raw(users.door, 'lock', 'chip.lines'),
      house.raw(users.door, 'lock', 'chip.find_line', 'SECRET'),
    ]);
    for (const { error } of asked) expect(error).toBeUndefined();
    expect(JSON.stringify(asked)).not.toMatch(/\brack\b|FAN|\blab\b|SECRET|panel-secret/);
    // The chips that its own lines are of are named, as they are in the directory.
    expect(JSON.stringify(await house.raw(users.door, 'lock', 'chip.info'))).not.toMatch(/FAN|SECRET/);
    const methods = [
      'daemon.status',
      'daemon.coprocessors',
      'daemon.chips',
      'daemon.exports',
      'synthetic.list',
    ];
    for (const method of methods) {
      expect(await house.raw(users.door, 'hub', method)).toMatchObject({ error: 'NOT_FOUND' });
    }
    await request.release();
  });

  it('of some lines of a chip hears nothing of its other users', async () => {
    const rack = await (await house.client()).openChip('rack');
    const config = { direction: 'input', edges: 'both', activeLow: false, eventClock: 'monotonic' } as const;
    await expect(rack.requestLines({ consumer: 'thief', offsets: [3], config })).rejects.toMatchObject({
      name: 'BUSY',
      message: expect.stringContaining("synthetic chip 'lock'"),
    });
    const request = await rack.requestLines({ consumer: 'other-user', offsets: [0, 1], config });
    const asked = [
      await house.raw(users.door, 'lock', 'chip.lines'),
      await house.raw(users.door, 'lock', 'chip.info'),
      await house.raw(users.door, 'lock', 'request.create', {
        consumer: 'x',
        offsets: [2],
        config: { direction: 'input' },
      }),
    ];
    expect(JSON.stringify(asked)).not.toContain('other-user');
    await request.release();
    expect(await house.tool(users.door, 'request', '-c', 'lock', 'bolt=1')).toMatchObject({ status: 0 });
    const seen = await house.tool(users.panel, 'info', '-c', 'rack', '3');
    expect(seen.stdout).not.toContain('gpiobridge');
    expect(await house.tool(users.stranger, 'release', '--all')).toMatchObject({ status: 0, stdout: '' });
    expect((await house.tool(users.door, 'info', '-c', 'lock', 'bolt')).stdout).toMatch(/output.*persistent/);
    expect(await house.tool(users.door, 'release', '--all')).toMatchObject({ status: 0 });
    expect((await house.tool(users.door, 'info', '-c', 'lock', 'bolt')).stdout).not.toMatch(/persistent/);
  });

  it('of the control socket learns states and counters, and reaches no line', async () => {
    const { status, stdout } = await house.tool(users.ops, 'status');
    expect(status).toBe(0);
    expect(stdout).toMatch(/coprocessor hub/);
    for (const method of ['chip.lines', 'request.create', 'persistent.request']) {
      expect(await house.raw(users.ops, 'control', method)).toMatchObject({ error: 'NOT_FOUND' });
    }
  });

  it('of the control socket gives lines to others, who alone reach them; and nothing is made of bad names', async () => {
    const made = ['new', 'given', 'lab:5-6', '--owner', users.stranger.name, '--mode', '0600'];
    expect(await house.tool(users.ops, 'chip', ...made)).toEqual({ status: 0, stdout: '', stderr: '' });
    expect((await house.raw(users.stranger, 'given', 'chip.info')).result).toMatchObject({ lines: 2 });
    for (const user of [users.door, users.panel, users.ops]) {
      expect(await house.raw(user, 'given', 'chip.info')).toEqual({ refused: 'EACCES' });
    }
    expect(await house.tool(users.ops, 'chip', 'delete', 'given')).toMatchObject({ status: 0 });
    expect(await house.raw(users.stranger, 'given', 'chip.info')).toEqual({ refused: 'ENOENT' });
    const before = readdirSync(house.runtimeDir, { recursive: true }).sort();
    const bad = [
      { name: '../control' },
      { name: '..' },
      { name: '.hidden' },
      { name: 'a/b' },
      { name: '/etc/passwd' },
      { name: 'nul\0' },
      { name: 'x', owner: 'no-such-user' },
      { name: 'x', owner: '../root' },
      { name: 'x', group: 'no such group' },
      { name: 'x', mode: '4777' },
      { name: 'x', mode: 'rwx' },
      { name: 'x', lines: ['lab:../5'] },
      { name: 'x', lines: ['../lab:5'] },
    ];
    for (const wrong of bad) {
      const chip = { lines: ['lab:5'], ...wrong };
      const { error } = await house.raw(users.ops, 'control', 'synthetic.make', chip);
      expect(['INVALID_ARGUMENT', 'NOT_FOUND', 'LINE_GONE'], JSON.stringify(chip)).toContain(error);
    }
    expect(readdirSync(house.runtimeDir, { recursive: true }).sort()).toEqual(before);
  });

  it('cannot make or delete chips without the control socket', async () => {
    expect(await house.tool(users.door, 'chip', 'new', 'mine', 'hub:0')).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/permission/i),
    });
    expect(await house.tool(users.door, 'chip', 'delete', 'lock')).toMatchObject({ status: 1 });
  });

  it('cannot put anything into the runtime directory, replace or remove what is there, or read more of it', () => {
    const chips = join(house.runtimeDir, 'chips');
    for (const user of Object.values(users)) {
      expect(canRun(user, 'touch', join(chips, 'mine'))).toBe(false);
      expect(canRun(user, 'mkdir', join(house.runtimeDir, 'mine'))).toBe(false);
      expect(canRun(user, 'rm', '-f', join(chips, 'rack'))).toBe(false);
      expect(canRun(user, 'mv', join(chips, 'rack'), join(chips, 'hub'))).toBe(false);
      expect(canRun(user, 'chmod', '666', join(chips, 'rack'))).toBe(false);
      expect(canRun(user, 'cat', join(house.runtimeDir, 'boot-ids'))).toBe(false);
    }
  });
});

describe('a daemon', () => {
  const directory = temporaryDirectory();
  afterAll(() => directory.remove());
  const start = (runtimeDir: string) =>
    run(['daemon', '--runtime-dir', runtimeDir, '--link', 'x=unix:/nowhere']);

  it('does not start where others could put their own sockets', async () => {
    const open = directory.join('open');
    mkdirSync(open);
    chmodSync(open, 0o777);
    expect(await start(open)).toMatchObject({ status: 1, stderr: expect.stringMatching(/has mode 0777/) });
    const theirs = directory.join('theirs');
    mkdirSync(theirs);
    chownSync(theirs, users.stranger.uid, users.stranger.gid);
    expect(await start(theirs)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(new RegExp(`belongs to user ${users.stranger.uid}`)),
    });
  });

  it('that is not root gives its sockets to the groups that it is in', async () => {
    const service = accounts.user('service', [gpio.name]);
    const mine = join(house.directory.path, 'of-service');
    mkdirSync(mine);
    chownSync(mine, service.uid, service.gid);
    const file = join(mine, 'config.toml');
    writeFileSync(
      file,
      `[[coprocessor]]\nname = "x"\nlink = "unix:/nowhere"\n
       [[synthetic]]\nname = "door"\nlines = ["x:1"]\ngroup = "${gpio.name}"\n`,
    );
    const run = join(mine, 'run');
    const daemon = house.startTool(service, 'daemon', '--config', file, '--runtime-dir', run);
    try {
      const socket = join(run, 'chips/door');
      await eventually(() => (existsSync(socket) ? true : undefined), 'the socket of its chip');
      const { uid, gid, mode } = statSync(socket);
      expect([uid, gid, mode & 0o777]).toEqual([service.uid, gpio.gid, 0o660]);
      expect(await house.rawAt(users.panel, socket, 'server.info')).toMatchObject({
        result: { chip: 'door' },
      });
      expect(await house.rawAt(users.stranger, socket, 'server.info')).toEqual({ refused: 'EACCES' });
    } finally {
      daemon.kill('SIGTERM');
      await new Promise((resolve) => daemon.once('close', resolve));
    }
  });

  it('that may not give its sockets away says so at start, with the key', async () => {
    const mine = join(house.directory.path, 'of-stranger');
    mkdirSync(mine);
    chownSync(mine, users.stranger.uid, users.stranger.gid);
    const file = join(mine, 'config.toml');
    writeFileSync(
      file,
      `[[coprocessor]]\nname = "x"\nlink = "unix:/nowhere"\nowner = "${users.door.name}"\n`,
    );
    const ended = await house.tool(
      users.stranger,
      'daemon',
      '--config',
      file,
      '--runtime-dir',
      join(mine, 'run'),
    );
    expect(ended.status).toBe(1);
    expect(ended.stderr).toMatch(/coprocessor\[0\]\.owner: this daemon may not give its sockets/);
  });
});
