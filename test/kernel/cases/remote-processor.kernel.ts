import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SimulatedCoprocessor } from '../../../firmware-sim/index.js';
import { Program, temporaryDirectory } from '../../support/program.js';
import { type KernelLab, kernelLab } from '../lab/kernel-lab.js';

const RAW = '/sys/class/rpmsg/rpmsg*/name';
/** Of a node that the kernel took away, only an empty pattern is left. */
const rawIs = (there: boolean) =>
  `until ${there ? '' : '! '}grep -q rpmsg-raw ${RAW} 2>/dev/null; do sleep 0.02; done`;

const octal = (bytes: readonly number[]) =>
  bytes.map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');

describe('the simulator as a remote processor of the guest', () => {
  let lab: KernelLab;
  let coprocessor: SimulatedCoprocessor;
  let folder: ReturnType<typeof temporaryDirectory>;
  /** Another remote processor, in a process of its own. */
  let victim: Program;

  async function startVictim(): Promise<Program> {
    const listen = `vhost-user-rpmsg:${folder.join('victim')}`;
    const program = new Program(['sim', '--listen', listen, '--service', 'victim']);
    await program.waitFor(/listening on/);
    return program;
  }

  beforeAll(async () => {
    folder = temporaryDirectory();
    coprocessor = new SimulatedCoprocessor({ services: ['rpmsg-raw', 'sensor-hub'] });
    const socket = folder.join('rpmsg');
    await coprocessor.listen(`vhost-user-rpmsg:${socket}`);
    victim = await startVictim();
    lab = await kernelLab({
      devices: [
        { kind: 'rpmsg', socket },
        { kind: 'rpmsg', socket: folder.join('victim') },
      ],
      modules: ['rpmsg_char', 'rpmsg_ctrl', 'rpmsg_ns', 'virtio_rpmsg_bus'],
    });
  });
  afterAll(async () => {
    await lab?.stop();
    await victim?.stop();
    await coprocessor?.close();
    folder?.remove();
  });

  it('is a channel of each service, and a device of the raw one', async () => {
    const { guest } = lab;
    await guest.must('until [ -c /dev/rpmsg0 ]; do sleep 0.02; done');
    const node = await guest.must('cat /sys/class/rpmsg/rpmsg0/name /sys/class/rpmsg/rpmsg0/dst');
    expect(node).toBe('rpmsg-raw\n1024');
    expect(await guest.must('cat /sys/bus/rpmsg/devices/*/name')).toContain('sensor-hub');
  });

  it('carries packets', async () => {
    // BUS_HELLO of the in-band bus with token 1; BUS_BOOT comes by itself, and then the answer.
    const hello = octal([2, 0x80, 0, 0, 1, 0, 20, 0, 1, 0, 0xf0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    const readTwo = 'for i in 1 2; do dd bs=496 count=1 <&3 2>/dev/null | od -An -v -tx1; done';
    const answers = await lab.guest.must(`exec 3<>/dev/rpmsg0; printf '${hello}' >&3; ${readTwo}`);
    const bytes = Buffer.from(answers.replaceAll(/\s/g, ''), 'hex');
    expect(bytes.subarray(0, 2)).toEqual(Buffer.from([2, 0xc0]));
    expect(bytes.subarray(12, 18)).toEqual(Buffer.from([3, 0x80, 0, 0, 1, 0]));
    expect(bytes.toString('latin1')).toContain('gpiobridge-sim');
    expect(await lab.guest.dmesg()).not.toContain('no used buffer');
  });

  it('takes its services away when it crashes, and announces them when it is back', async () => {
    const { guest } = lab;
    await coprocessor.closePorts();
    await guest.must(rawIs(false));
    coprocessor.reboot();
    await coprocessor.openPorts();
    await guest.must(rawIs(true));
  });

  it('comes back under a guest that outlived it, when it was killed', async () => {
    const { guest } = lab;
    const told = (what: string, times: number) =>
      guest.must(`until [ $(dmesg | grep -c '${what} channel victim') = ${times} ]; do sleep 0.05; done`);
    await told('creating', 1);
    for (let life = 1; life <= 2; life++) {
      await victim.stop('SIGKILL');
      victim = await startVictim();
      await told('destroying', life);
      await told('creating', life + 1);
    }
  });

  it('is gone when the device is unplugged, and back when it is plugged in', async () => {
    const { guest } = lab;
    const monitor = await lab.monitor();
    await monitor.execute('device_del', { id: 'device0' });
    await monitor.deviceEvent('DEVICE_DELETED', 'device0');
    await guest.must(rawIs(false));
    expect(await guest.must('ls /sys/bus/rpmsg/devices')).not.toContain('rpmsg-raw');
    const device = { driver: 'vhost-user-gpio-pci', chardev: 'backend0', id: 'device0', addr: '10' };
    await monitor.execute('device_add', device);
    await guest.must(rawIs(true));
  });
});
