import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeGpioSimChip } from '../lab/gpio-sim.js';
import { type KernelLab, kernelLab } from '../lab/kernel-lab.js';

describe("the kernel's own simulated chip in the guest", () => {
  let lab: KernelLab;
  beforeAll(async () => {
    lab = await kernelLab();
  });
  afterAll(() => lab?.stop());

  it('has lines and edges that the tools of Debian see', async () => {
    const { guest } = lab;
    const { chip, pullFile } = await makeGpioSimChip(guest, 'bench', 8);
    expect(await guest.must('gpiodetect')).toMatch(new RegExp(`^${chip} .*\\(8 lines\\)$`));

    const monitor = guest.start(`exec gpiomon --num-events=2 --line-buffered ${chip} 3`);
    // The line shows its consumer before it has an interrupt.
    await guest.must('until grep -q gpiomon /proc/interrupts; do sleep 0.05; done');
    await guest.must(`echo pull-up > ${pullFile(3)}`);
    await monitor.waitFor(/RISING/);
    await guest.must(`echo pull-down > ${pullFile(3)}`);
    expect((await monitor.exit()).stdout).toMatch(/RISING EDGE offset: 3[\s\S]*FALLING EDGE offset: 3/);
  });
});
