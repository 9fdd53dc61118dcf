import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mustRecover } from '../lab/recovery.js';
import { HUB, RpmsgLab } from '../lab/rpmsg-lab.js';

const SERVICE = 'sensor-hub';

describe('the daemon over an endpoint that it makes for a service', () => {
  let lab: RpmsgLab;
  beforeAll(async () => {
    lab = await RpmsgLab.boot({
      [HUB]: { simulated: { services: ['other', SERVICE], lines: 8 }, link: `rpmsg:${SERVICE}` },
    });
  });
  afterAll(() => lab?.stop());

  const nodes = (): Promise<string> => lab.guest.must('cat /sys/class/rpmsg/rpmsg[0-9]*/name');

  it('makes one, and uses it', async () => {
    expect(await nodes()).toBe(SERVICE);
    lab.coprocessor().drive(3, 1);
    expect(await lab.guest.must(`gpiobridge get -c ${HUB} --numeric 3`)).toMatch(/1/);
  });

  it('makes another when the service is back after a crash', async () => {
    const watch = await lab.watch([3]);
    const coprocessor = lab.coprocessor();
    let crashes = 0;
    await mustRecover(async () => {
      await coprocessor.closePorts();
      coprocessor.reboot();
      crashes++;
      await watch.chipGoes('down');
      await coprocessor.openPorts();
      await watch.chipGoes('up');
      return lab.recoveryMs(SERVICE);
    });
    coprocessor.drive(3, 0);
    const lines = await watch.stop();
    expect(lines.get(3)).toMatchObject({ edges: 1, unknown: crashes });
    expect(await nodes()).toBe(SERVICE);
  });

  it('makes another when the whole device was unplugged, and plugged in again', async () => {
    const { guest, kernel } = lab;
    const watch = await lab.watch([3]);
    await mustRecover(async () => {
      await kernel.unplug(0);
      await watch.chipGoes('down');
      expect((await guest.run('ls /dev/rpmsg_ctrl0')).status).not.toBe(0);
      await kernel.plug(0);
      await watch.chipGoes('up');
      return lab.recoveryMs(SERVICE);
    });
    expect(await nodes()).toBe(SERVICE);
    await watch.stop();
  });
});
