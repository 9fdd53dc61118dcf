import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KernelLab, kernelLab } from '../lab/kernel-lab.js';

describe('daemon and simulated coprocessor in the guest, over a pty', () => {
  let lab: KernelLab;
  beforeAll(async () => {
    lab = await kernelLab();
  });
  afterAll(() => lab?.stop());

  it('carries a pin to the monitor', async () => {
    const { guest } = lab;
    const sim = guest.start('exec gpiobridge sim --listen pty:/run/port --control /run/sim');
    await sim.waitFor(/port/);
    const daemon = guest.start('exec gpiobridge daemon --link hub=serial:/run/port');
    await daemon.waitFor(/up/);
    expect(await guest.must('gpiobridge detect')).toContain('hub');

    const monitor = guest.start('exec gpiobridge mon --banner --num-events 2 -c hub 3');
    await monitor.waitFor(/Monitoring/);
    await guest.must('gpiobridge pin --control /run/sim 3=1');
    await guest.must('gpiobridge pin --control /run/sim 3=0');
    const { status, stdout } = await monitor.exit();
    expect(status).toBe(0);
    expect(stdout).toMatch(/rising[\s\S]*falling/i);
    expect((await daemon.stop()).status).toBe(0);
  });
});
