import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HUB, RpmsgLab } from '../lab/rpmsg-lab.js';

const SERVICE = 'sensor-hub';
const RECOVERY_MS = 2000;

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
    await coprocessor.closePorts();
    coprocessor.reboot();
    await watch.process.waitFor(/"chip":"down"/);
    const returned = Date.now();
    await coprocessor.openPorts();
    await watch.process.waitFor(/"chip":"up"/);
    expect(Date.now() - returned).toBeLessThan(RECOVERY_MS);
    coprocessor.drive(3, 0);
    const lines = await watch.stop();
    expect(lines.get(3)).toMatchObject({ edges: 1, unknown: 1 });
    expect(await nodes()).toBe(SERVICE);
  });

  it('makes another when the whole device was unplugged, and plugged in again', async () => {
    const { guest, kernel } = lab;
    const watch = await lab.watch([3]);
    await kernel.unplug(0);
    await watch.process.waitFor(/"chip":"down"/);
    expect((await guest.run('ls /dev/rpmsg_ctrl0')).status).not.toBe(0);
    const returned = Date.now();
    await kernel.plug(0);
    await watch.process.waitFor(/"chip":"up"/);
    expect(Date.now() - returned).toBeLessThan(RECOVERY_MS);
    expect(await nodes()).toBe(SERVICE);
    await watch.stop();
  });
});
