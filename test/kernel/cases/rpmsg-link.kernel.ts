import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SimulatedCoprocessor } from '../../../firmware-sim/index.js';
import { ROOT } from '../../support/built.js';
import { eventually, temporaryDirectory } from '../../support/program.js';
import type { Guest } from '../lab/guest.js';
import type { GuestProcess } from '../lab/guest-process.js';
import { type KernelLab, kernelLab } from '../lab/kernel-lab.js';

/** The daemon inside the guest; its coprocessor is the simulator, behind the kernel's own rpmsg. */
describe('the rpmsg link on a stock kernel', () => {
  let lab: KernelLab;
  let guest: Guest;
  let coprocessor: SimulatedCoprocessor;
  let folder: ReturnType<typeof temporaryDirectory>;
  let daemon: GuestProcess | undefined;

  beforeAll(async () => {
    folder = temporaryDirectory();
    coprocessor = new SimulatedCoprocessor({
      services: ['rpmsg-raw', 'sensor-hub'],
      lines: 4,
      names: ['DOOR', 'LAMP', 'BELL', 'FAN'],
    });
    const socket = folder.join('rpmsg');
    await coprocessor.listen(`vhost-user-rpmsg:${socket}`);
    lab = await kernelLab({
      devices: [{ kind: 'rpmsg', socket }],
      modules: ['rpmsg_char', 'rpmsg_ctrl', 'rpmsg_ns', 'virtio_rpmsg_bus'],
    });
    guest = lab.guest;
    await guest.must('until [ -c /dev/rpmsg0 ]; do sleep 0.05; done');
  });
  afterEach(async () => {
    await daemon?.stop();
    daemon = undefined;
  });
  afterAll(async () => {
    await lab?.stop();
    await coprocessor?.close();
    folder?.remove();
  });

  /** Starts the daemon; resolves when its chip is up. */
  async function serve(link: string): Promise<GuestProcess> {
    daemon = guest.start(`exec gpiobridge daemon --runtime-dir /run/gb --link 'hub=${link}'`);
    await daemon.waitFor(/event=chip_added/, 60_000);
    return daemon;
  }

  const tool = (command: string): Promise<string> =>
    guest.must(`GPIOBRIDGE_RUNTIME_DIR=/run/gb gpiobridge ${command}`);

  /** Watches edges of a line in the guest; what it returns makes some, and sees each arrive once. */
  async function monitor(): Promise<() => Promise<void>> {
    const program = guest.start('GPIOBRIDGE_RUNTIME_DIR=/run/gb exec gpiobridge mon --banner -F %l=%e DOOR');
    await program.waitFor(/Monitoring/, 60_000);
    const edges = () => program.stdout.split('\n').filter((line) => line.startsWith('DOOR='));
    return async () => {
      const before = edges().length;
      for (const level of [1, 0] as const) coprocessor.drive('DOOR', level);
      await eventually(
        () => (edges().length >= before + 2 ? true : undefined),
        () => `two edges of DOOR\n${program.stdout}`,
        60_000,
      );
      expect(edges().slice(before)).toEqual(['DOOR=1', 'DOOR=2']);
    };
  }

  it('opens the raw channel, shows who has it, and finds it again after the remote processor restarted', async () => {
    const running = await serve('rpmsg:rpmsg-raw');
    const seesEdges = await monitor();
    await seesEdges();
    const list = await tool('remoteproc');
    expect(list).toMatch(
      /^rpmsg-raw +- +0x400 +0x400 +\/dev\/rpmsg0 +gpiobridge: hub +virtio\d+\.rpmsg-raw/m,
    );
    expect(list).toMatch(/^sensor-hub +- +any +0x401 +- +- +virtio\d+\.sensor-hub/m);
    expect(await tool('status')).toMatch(/device +\/dev\/rpmsg0\n/);
    const second = guest.start(
      "exec gpiobridge daemon --runtime-dir /run/gb2 --link 'hub=rpmsg:/dev/rpmsg0'",
    );
    await second.waitFor(/\/dev\/rpmsg0 is in use by pid \d+ \(node\): end it first/, 60_000);
    await second.stop();
    coprocessor.reboot();
    await running.waitFor(/event=link_down .*the endpoint is gone/, 60_000);
    await running.waitFor(/event=coprocessor_up[\s\S]*event=coprocessor_up/, 60_000);
    await seesEdges();
  });

  it('makes an endpoint for a service by another name, and removes it', async () => {
    const running = await serve('rpmsg:sensor-hub');
    const seesEdges = await monitor();
    await seesEdges();
    expect(await tool('remoteproc')).toMatch(
      /^sensor-hub +- .*\/dev\/rpmsg\d+ +gpiobridge: hub +\(endpoint\)$/m,
    );
    coprocessor.reboot();
    await running.waitFor(/event=link_down .*the firmware withdrew the service/, 60_000);
    await running.waitFor(/event=coprocessor_up[\s\S]*event=coprocessor_up/, 60_000);
    await seesEdges();
    await daemon?.stop();
    expect(await guest.must('cat /sys/class/rpmsg/rpmsg?/name')).toBe('rpmsg-raw');
  });

  it('says who may open it, to a user who may not', async () => {
    const { stdout, stderr } = await guest.run(['gpiobridge', 'remoteproc', '--json'], {
      uid: 65534,
      gid: 65534,
    });
    expect([stdout.split('\n').filter((line) => line !== '').length, stderr]).toEqual([2, '']);
    const refused = guest.start(
      "exec gpiobridge daemon --runtime-dir /dev/shm/nobody --link 'hub=rpmsg:rpmsg-raw'",
      {
        uid: 65534,
        gid: 65534,
      },
    );
    await refused.waitFor(
      /no permission to open \/dev\/rpmsg0: .*mode 0600 \(udev rule: docs\/rpmsg.md\)/,
      60_000,
    );
    await refused.stop();
  });

  it('is renewed with an address that the kernel has not given before', async () => {
    const program = `
      const { openLink } = await import('${ROOT}/dist/src/link/open.js');
      const { systemTime } = await import('${ROOT}/dist/src/linux/clock.js');
      const link = openLink('rpmsg:sensor-hub', { time: systemTime, random: Math.random });
      const { readFileSync } = await import('node:fs');
      let renewals = 0;
      link.state$.subscribe((state) => {
        if (state.kind === 'opening') return;
        if (state.kind === 'down') return console.log('down', state.cause);
        const node = link.devicePath.replace('/dev/', '');
        console.log('up', state.channel, readFileSync('/sys/class/rpmsg/' + node + '/src', 'utf8').trim());
        setImmediate(() => (renewals++ < 2 ? link.renew() : link.close()));
      });`;
    const lines = (await guest.must(['node', '--input-type=module', '-e', program])).split('\n');
    expect(lines[0]).toBe('up 1 -1');
    expect(lines[1]).toMatch(/^up 2 \d{5,10}$/);
    expect(lines[2]).toMatch(/^up 3 \d{5,10}$/);
    expect(lines[3]).toBe('down closed');
    expect(lines[1]!.slice(5)).not.toBe(lines[2]!.slice(5));
    expect(await guest.must('cat /sys/class/rpmsg/rpmsg?/name')).toBe('rpmsg-raw');
  });
});
