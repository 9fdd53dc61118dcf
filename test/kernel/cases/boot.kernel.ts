import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KernelLab, kernelLab } from '../lab/kernel-lab.js';

/** Every driver that the tier builds, and one of each that it takes from Debian. */
const MODULES = [
  'gpio-virtio',
  'gpio-sim',
  'rpmsg_char',
  'rpmsg_ctrl',
  'rpmsg_ns',
  'virtio_rpmsg_bus',
  'configfs',
];

describe('the guest', () => {
  let lab: KernelLab;
  beforeAll(async () => {
    lab = await kernelLab();
  });
  afterAll(() => lab?.stop());

  it('loads the stock drivers', async () => {
    await lab.guest.load(...MODULES);
    const loaded = await lab.guest.must('cut -d " " -f 1 /proc/modules');
    const names = new Set(loaded.split('\n'));
    expect(MODULES.map((name) => name.replaceAll('-', '_')).filter((name) => !names.has(name))).toEqual([]);
  });

  it('runs the program as users run it', async () => {
    const version = await lab.guest.must('gpiobridge --version');
    expect(version).toMatch(/^\S+ v?\d+\.\d+/);
  });

  it('tells exit status and output of a command, and what a signal ended', async () => {
    expect(await lab.guest.run('echo out; echo err >&2; exit 3')).toEqual({
      status: 3,
      stdout: 'out\n',
      stderr: 'err\n',
    });
    const sleeping = lab.guest.start('echo started; sleep 1000');
    await sleeping.waitFor(/started/);
    expect((await sleeping.stop('SIGKILL')).status).toBe('SIGKILL');
    expect((await lab.guest.run('cat', { input: 'through\n' })).stdout).toBe('through\n');
    expect((await lab.guest.run('id -u', { uid: 65534, gid: 65534 })).stdout).toBe('65534\n');
    expect((await lab.guest.run(['no-such-program'])).status).not.toBe(0);
  });
});
