import { statSync } from 'node:fs';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { askControl } from '../../firmware-sim/control-client.js';
import { DIRECTION, EVENTQ, encodeGpioRequest, IRQ_TYPE, MSG, REQUESTQ } from '../../src/wire/virtio-gpio.js';
import { until } from '../contract/packet-link.js';
import { built } from '../support/built.js';
import { Chain } from '../support/chain.js';
import { eventually, Program, run } from '../support/program.js';
import { FrontEndGuest } from '../support/vhost-user/front-end-guest.js';

describe('gpiobridge export', () => {
  let chain: Chain;
  let guest: FrontEndGuest;
  const programs: Program[] = [];

  beforeAll(built);
  beforeEach(async () => {
    chain = new Chain({ port: 'unix', sim: ['--lines', '4', '--names', 'DOOR,LAMP'] });
    await chain.daemon.waitFor(/chip_added/);
    guest = new FrontEndGuest(chain.directory.join('vm.sock'));
  });
  afterEach(async () => {
    guest.close();
    for (const program of programs.splice(0)) program.process.kill('SIGKILL');
    await chain.stop();
  });

  const start = (...options: string[]): Program => {
    const args = ['vhost-user', 'hub', guest.socket, '--runtime-dir', chain.runtimeDir, ...options];
    const program = new Program(['export', ...args]);
    programs.push(program);
    return program;
  };
  const ask = async (type: number, line: number, value = 0) => {
    guest.requests.add(encodeGpioRequest(type, line, value), 2);
    return [...(await guest.returned(REQUESTQ))[0]!.bytes];
  };
  const pin = (line: number) => askControl(chain.control, { command: 'pin', line });
  const drive = (line: number, level: 0 | 1) => askControl(chain.control, { command: 'drive', line, level });

  it('serves a guest from a process of its own, through a restart of the daemon', async () => {
    const program = start('--mode', '0640');
    await program.waitFor(/export listening .*lines 4/);
    expect(statSync(guest.socket).mode & 0o777).toBe(0o640);
    await guest.connect();
    await program.waitFor(/guest running/);
    expect(await ask(MSG.SET_DIRECTION, 1, DIRECTION.OUT)).toEqual([0, 0]);
    expect(await ask(MSG.SET_VALUE, 1, 1)).toEqual([0, 0]);
    expect(await ask(MSG.SET_IRQ_TYPE, 0, IRQ_TYPE.EDGE_BOTH)).toEqual([0, 0]);
    expect(await pin(1)).toMatchObject({ direction: 'output', level: 1 });
    const info = await run(['info', '--runtime-dir', chain.runtimeDir, '-c', 'hub', 'LAMP']);
    expect(info.stdout).toMatch(/consumer="vm:vm"/);
    const armed = guest.events.add(Uint8Array.of(0, 0), 1);
    await drive(0, 1);
    expect(await guest.returned(EVENTQ)).toEqual([{ head: armed, bytes: Uint8Array.of(1) }]);

    await chain.daemon.stop('SIGKILL');
    expect((await ask(MSG.SET_VALUE, 1, 0))[0]).toBe(1);
    chain.startDaemon();
    await eventually(
      async () => ((await ask(MSG.SET_VALUE, 1, 0))[0] === 0 ? true : undefined),
      'the daemon',
    );
    expect(await pin(1)).toMatchObject({ direction: 'output', level: 0 });
    // The line is watched again by itself.
    guest.events.add(Uint8Array.of(0, 0), 1);
    let level: 0 | 1 = 0;
    await eventually(async () => {
      await drive(0, level);
      level = level === 0 ? 1 : 0;
      return guest.events.used().length > 0 ? true : undefined;
    }, 'an edge');
    expect(await program.stop('SIGINT')).toBe('SIGINT');
    await until(() => !guest.isConnected);
  });

  it('says what is wrong', async () => {
    const failing = async (...args: string[]) => {
      const { status, stderr } = await run(['export', ...args, '--runtime-dir', chain.runtimeDir]);
      expect(status).toBe(1);
      return stderr;
    };
    expect(await failing('vhost-user', 'nohub', guest.socket)).toMatch(/no chip 'nohub'.*hub/);
    expect(await failing('usb', 'hub', guest.socket)).toMatch(/vhost-user/);
    expect(await failing('vhost-user', 'hub', guest.socket, '--mode', 'rw')).toMatch(/invalid mode: 'rw'/);
    expect(await failing('vhost-user', 'hub', guest.socket, '--name', 'a/b')).toMatch(/invalid name/);
    expect(await failing('vhost-user', 'hub', guest.socket, '--group', 'nosuchgroup')).toMatch(/nosuchgroup/);
  });

  it('prints JSON on request', async () => {
    const program = start('--json', '--name', 'web');
    await program.waitFor(/\n/);
    expect(JSON.parse(program.stdout.split('\n')[0]!)).toMatchObject({
      type: 'export',
      level: 'info',
      event: 'export_listening',
      chip: 'hub',
      lines: 4,
    });
  });
});
