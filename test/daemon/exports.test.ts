import { existsSync, statSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { askControl } from '../../firmware-sim/control-client.js';
import { DIRECTION, encodeGpioRequest, MSG, REQUESTQ } from '../../src/wire/virtio-gpio.js';
import { until } from '../contract/packet-link.js';
import { eventually, type Program, run } from '../support/program.js';
import { usePrograms } from '../support/use-programs.js';
import { FrontEndGuest } from '../support/vhost-user/front-end-guest.js';

const room = usePrograms();
let daemon: Program;
const guests: FrontEndGuest[] = [];

beforeEach(async () => {
  const sim = started('sim', '--listen', `unix:${room.join('port')}`, '--control', room.join('sim'));
  await sim.waitFor(/listening on/);
});

afterEach(async () => {
  for (const guest of guests.splice(0)) guest.close();
});

const started = (...args: string[]): Program => room.start(args);

interface Exported {
  readonly name: string;
  readonly chip?: string;
  readonly mode?: string;
}

function configure(...exports: Exported[]): void {
  const tables = exports.map(
    ({ name, chip = 'hub', mode = '0600' }) =>
      `[[export]]\ntype = "vhost-user"\nchip = "${chip}"\nsocket = "${room.join(name)}.sock"\nmode = "${mode}"\n`,
  );
  const hub = `[[coprocessor]]\nname = "hub"\nlink = "unix:${room.join('port')}"\n`;
  writeFileSync(room.join('config.toml'), hub + tables.join(''));
}

async function startDaemon(): Promise<void> {
  daemon = started('daemon', '--runtime-dir', room.join('run'), '--config', room.join('config.toml'));
  await daemon.waitFor(/export_listening/);
}

async function reload(): Promise<void> {
  const before = daemon.stderr.length;
  daemon.process.kill('SIGHUP');
  await eventually(() => (/event=reloaded/.test(daemon.stderr.slice(before)) ? true : undefined), 'a reload');
}

async function connect(name: string): Promise<FrontEndGuest> {
  const guest = new FrontEndGuest(`${room.join(name)}.sock`);
  guests.push(guest);
  await guest.connect();
  return guest;
}

async function ask(guest: FrontEndGuest, type: number, line: number, value = 0): Promise<number[]> {
  guest.requests.add(encodeGpioRequest(type, line, value), 2);
  return [...(await guest.returned(REQUESTQ))[0]!.bytes];
}

const pin = (line: number) => askControl(room.join('sim'), { command: 'pin', line });
const status = () => run(['status', '--runtime-dir', room.join('run')]);

describe('[[export]]', () => {
  it('is read again at SIGHUP, and a guest whose export did not change notices nothing', async () => {
    configure({ name: 'stays' }, { name: 'goes' });
    await startDaemon();
    await eventually(() => (existsSync(room.join('goes.sock')) ? true : undefined), 'the second socket');
    const stays = await connect('stays');
    const goes = await connect('goes');
    expect(await ask(stays, MSG.SET_DIRECTION, 1, DIRECTION.OUT)).toEqual([0, 0]);
    expect(await ask(goes, MSG.SET_DIRECTION, 2, DIRECTION.OUT)).toEqual([0, 0]);

    configure({ name: 'comes', mode: '0660' }, { name: 'stays' });
    await reload();
    await until(() => !goes.isConnected);
    expect(existsSync(room.join('goes.sock'))).toBe(false);
    await eventually(() => (existsSync(room.join('comes.sock')) ? true : undefined), 'the new socket');
    expect(statSync(room.join('comes.sock')).mode & 0o777).toBe(0o660);
    expect(await ask(stays, MSG.SET_VALUE, 1, 1)).toEqual([0, 0]);
    expect([(await pin(1)).level, (await pin(2)).direction]).toEqual([1, 'none']);
  });

  it('shows in status', async () => {
    configure({ name: 'web' }, { name: 'later', chip: 'synth' });
    await startDaemon();
    const guest = await connect('web');
    await ask(guest, MSG.SET_DIRECTION, 3, DIRECTION.IN);
    const { stdout } = await status();
    expect(stdout).toMatch(
      /export web\n +chip +hub, 32 lines\n +socket .*web\.sock\n +state +guest runs, pid \d+\n/,
    );
    expect(stdout).toMatch(/ +holds +3\n/);
    expect(stdout).toMatch(/export later\n[\s\S]*waiting, there is no chip 'synth' yet/);
  });

  it('leaves outputs as they are when the daemon is stopped, and its guest goes on with the next one', async () => {
    configure({ name: 'web' });
    await startDaemon();
    const guest = await connect('web');
    await ask(guest, MSG.SET_VALUE, 1, 1);
    await ask(guest, MSG.SET_DIRECTION, 1, DIRECTION.OUT);
    expect(await daemon.stop('SIGTERM')).toBe(0);
    expect(await pin(1)).toMatchObject({ direction: 'output', level: 1 });
    guest.disconnect();
    await startDaemon();
    await guest.reconnect();
    expect(await ask(guest, MSG.GET_VALUE, 1)).toEqual([0, 1]);
    expect(await ask(guest, MSG.SET_VALUE, 1, 0)).toEqual([0, 0]);
    expect(await pin(1)).toMatchObject({ direction: 'output', level: 0 });
  });
});
