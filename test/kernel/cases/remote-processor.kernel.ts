import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SimulatedCoprocessor } from '../../../firmware-sim/index.js';
import { temporaryDirectory } from '../../support/program.js';
import { type KernelLab, kernelLab } from '../lab/kernel-lab.js';

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

  it('is a channel by name of each service, and a device of the raw one', async () => {
    const { guest } = lab;
    await guest.must('until [ -c /dev/rpmsg0 ]; do sleep 0.05; done');
    expect(await guest.must('cat /sys/class/rpmsg/rpmsg0/name /sys/class/rpmsg/rpmsg0/dst')).toBe(
      'rpmsg-raw\n1024',
    );
    expect(await guest.must('cat /sys/bus/rpmsg/devices/*/name')).toContain('sensor-hub');
  });
});
