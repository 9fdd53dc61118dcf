import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../support/program.js';
import type { Guest } from '../lab/guest.js';
import { GuestChain, HUB_EXPORT } from '../lab/guest-chain.js';
import { type KernelLab, kernelLab } from '../lab/kernel-lab.js';

describe("a guest's stock driver and tools, over the daemon and a simulated coprocessor", () => {
  let chain: GuestChain;
  let lab: KernelLab;
  let guest: Guest;
  let chip: string;
  beforeAll(async () => {
    chain = new GuestChain({ sim: ['--lines', '8', '--names', 'DOOR,LAMP,,BELL'], config: HUB_EXPORT });
    await chain.offered('vm');
    const devices = [{ kind: 'gpio', socket: chain.directory.join('vm.sock') }] as const;
    lab = await kernelLab({ devices, modules: ['gpio-virtio'] });
    guest = lab.guest;
    chip = (await guest.must('gpiodetect')).split(' ')[0]!;
  });
  afterAll(async () => {
    await lab?.stop();
    await chain?.stop();
  });

  it('list the lines by name, and take none by looking', async () => {
    expect(await guest.must('gpiodetect')).toMatch(/^gpiochip\d+ \[.*\] \(8 lines\)$/);
    const lines = await guest.must(`gpioinfo ${chip}`);
    expect(lines).toMatch(/line\s+0:\s+"DOOR"\s+unused\s+input/);
    expect(lines).toMatch(/line\s+1:\s+"LAMP"\s+unused\s+input/);
    expect(lines).toMatch(/line\s+2:\s+unnamed\s+unused\s+input/);
    const { state, requestedLines } = await chain.exported('vm', () => true, 'to be there');
    expect([state, requestedLines]).toEqual(['running', []]);
  });

  it('set outputs that arrive at the pins, and are given back', async () => {
    const setter = guest.start(`exec gpioset --mode=signal ${chip} 1=1 3=1`);
    await chain.exported('vm', ({ requestedLines }) => requestedLines.join() === '1,3', 'to hold both lines');
    expect(await chain.pin('LAMP')).toMatchObject({ direction: 'output', level: 1 });
    expect(await chain.pin('BELL')).toMatchObject({ direction: 'output', level: 1 });
    await setter.stop();
    await chain.exported('vm', ({ requestedLines }) => requestedLines.length === 0, 'to hold none');
    expect(await chain.pin('LAMP')).toMatchObject({ direction: 'none' });
  });

  it('read levels', async () => {
    await chain.drive(4, 1);
    expect(await guest.must(`gpioget ${chip} 4`)).toBe('1');
    await chain.drive(4, 0);
    expect(await guest.must(`gpioget ${chip} 4`)).toBe('0');
  });

  it.each([
    ['--rising-edge', 'rising', ['RISING', 'RISING']],
    ['--falling-edge', 'falling', ['FALLING', 'FALLING']],
    ['', 'both', ['RISING', 'FALLING', 'RISING']],
  ] as const)('see edges: %s', async (option, _name, wanted) => {
    const monitor = guest.start(
      `exec gpiomon --line-buffered ${option} --num-events=${wanted.length} ${chip} 5`,
    );
    await chain.watched('hub', 5);
    // One edge at a time, so that the guest has armed the line again: the tool tells the level that it reads.
    for (let edge = 1; edge <= 4; edge++) {
      await chain.drive(5, (edge % 2) as 0 | 1);
      const seen = wanted.slice(0, Math.min(wanted.length, option === '' ? edge : Math.ceil(edge / 2)));
      if (
        option === '--rising-edge' ? edge % 2 === 1 : option === '--falling-edge' ? edge % 2 === 0 : edge <= 3
      )
        await monitor.waitFor(new RegExp(seen.map((kind) => `${kind} EDGE`).join('[\\s\\S]*')));
    }
    const { status, stdout } = await monitor.exit();
    expect(status).toBe(0);
    expect([...stdout.matchAll(/(RISING|FALLING) EDGE/g)].map(([, kind]) => kind)).toEqual([...wanted]);
  });

  it.each([
    ['high', 1],
    ['low', 0],
  ] as const)('have level interrupts: %s', async (_name, active) => {
    const idle = (1 - active) as 0 | 1;
    const count = async () => Number(await guest.must('cat /sys/module/gpio_level_irq/parameters/count'));
    const grows = async (from: number) =>
      eventually(async () => ((await count()) > from ? true : undefined), 'an interrupt', 20_000);
    await chain.drive(6, idle);
    const label = (await guest.must('gpiodetect')).match(/\[(.*)\]/)![1];
    await guest.must(`modprobe gpio_level_irq chip=${label} line=6 low=${active === 0 ? 1 : 0}`);
    expect(await count()).toBe(0);
    // Again and again, as long as it lasts.
    await chain.drive(6, active);
    await grows(3);
    await chain.drive(6, idle);
    const settled = async () => {
      const before = await count();
      await guest.must('sleep 0.2');
      return (await count()) === before ? before : undefined;
    };
    const before = await eventually(settled, 'interrupts to end', 20_000);
    await chain.drive(6, active);
    await grows(before);
    // A level that is there when the interrupt is enabled is not missed.
    await guest.must('rmmod gpio_level_irq');
    await guest.must(`modprobe gpio_level_irq chip=${label} line=6 low=${active === 0 ? 1 : 0}`);
    await grows(0);
    await guest.must('rmmod gpio_level_irq');
    await chain.exported('vm', ({ requestedLines }) => !requestedLines.includes(6), 'to be free');
  });
});
