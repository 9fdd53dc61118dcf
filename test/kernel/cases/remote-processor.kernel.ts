import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SimulatedCoprocessor } from '../../../firmware-sim/index.js';
import { temporaryDirectory } from '../../support/program.js';
import { type KernelLab, kernelLab } from '../lab/kernel-lab.js';

const RAW = '/sys/class/rpmsg/rpmsg*/name';
/** Of a node that the kernel took away, only an empty pattern is left. */
const rawIs = (there: boolean) =>
  `until ${there ? '' : '! '}grep -q rpmsg-raw ${RAW} 2>/dev/null; do sleep 0.02; done`;

describe('the simulator as a remote processor of the guest', () => {
  let lab: KernelLab;
  let coprocessor: SimulatedCoprocessor;
  let folder: ReturnType<typeof temporaryDirectory>;

  beforeAll(async () => {
    folder = temporaryDirectory();
    coprocessor = new SimulatedCoprocessor({ services: ['rpmsg-raw', 'sensor-hub'] });
    const socket = folder.join('rpmsg');
    await coprocessor.listen(`vhost-user-rpmsg:${socket}`);
    lab = await kernelLab({
      devices: [{ kind: 'rpmsg', socket }],
      modules: ['rpmsg_char', 'rpmsg_ctrl', 'rpmsg_ns', 'virtio_rpmsg_bus'],
    });
  });
  afterAll(async () => {
    await lab?.stop();
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

  it('carries packets through an endpoint that the control device makes', async () => {
    const { guest } = lab;
    const daemon = guest.start('exec gpiobridge daemon --link hub=rpmsg:sensor-hub');
    await daemon.waitFor(/event=chip_added coprocessor=hub /);
    coprocessor.drive(3, 1);
    expect(await guest.must('gpiobridge get -c hub 3')).toContain('=active');
    expect((await daemon.stop()).status).toBe(0);
  });

  it('takes its services away when it crashes, and announces them when it is back', async () => {
    const { guest } = lab;
    await coprocessor.closePorts();
    await guest.must(rawIs(false));
    coprocessor.reboot();
    await coprocessor.openPorts();
    await guest.must(rawIs(true));
  });

  it('is gone when the device is unplugged, and back when it is plugged in', async () => {
    const { guest } = lab;
    const monitor = await lab.monitor();
    await monitor.execute('device_del', { id: 'device0' });
    await monitor.deviceEvent('DEVICE_DELETED', 'device0');
    await guest.must(rawIs(false));
    expect(await guest.must('ls /sys/bus/rpmsg/devices')).toBe('');
    const device = { driver: 'vhost-user-gpio-pci', chardev: 'backend0', id: 'device0', addr: '10' };
    await monitor.execute('device_add', device);
    await guest.must(rawIs(true));
  });
});
