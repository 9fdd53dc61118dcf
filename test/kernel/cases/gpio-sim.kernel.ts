import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KernelLab, kernelLab } from '../lab/kernel-lab.js';

/** The kernel's own simulated chip, made through configfs. */
const CONFIGFS = '/sys/kernel/config/gpio-sim/bench';

describe('gpio-sim in the guest', () => {
  let lab: KernelLab;
  beforeAll(async () => {
    lab = await kernelLab({ modules: ['gpio-sim'] });
  });
  afterAll(() => lab?.stop());

  it('gives a chip whose lines and edges the tools of Debian see', async () => {
    const { guest } = lab;
    await guest.must('mount -t configfs configfs /sys/kernel/config');
    await guest.must(
      `mkdir -p ${CONFIGFS}/bank && echo 8 > ${CONFIGFS}/bank/num_lines && echo 1 > ${CONFIGFS}/live`,
    );
    expect(await guest.must('gpiodetect')).toMatch(/^gpiochip0 .*\(8 lines\)$/);

    const pull = await guest.must('echo /sys/devices/platform/gpio-sim.*/gpiochip*/sim_gpio3/pull');
    const monitor = guest.start('gpiomon --num-events=2 --line-buffered gpiochip0 3');
    const armed = 'until gpioinfo gpiochip0 | grep -q "line *3:.*gpiomon"; do sleep 0.05; done';
    await guest.must(armed);
    await guest.must(`echo pull-up > ${pull}`);
    await monitor.waitFor(/RISING/);
    await guest.must(`echo pull-down > ${pull}`);
    expect((await monitor.exit()).stdout).toMatch(/RISING EDGE offset: 3[\s\S]*FALLING EDGE offset: 3/);
  });
});
