import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SysfsTree } from '../../../test/support/sysfs-tree.js';
import { ERRNO, SystemCallError } from '../../linux/errno.js';
import { RemoteprocTree } from '../../linux/remoteproc.js';
import { RpmsgTree } from '../../linux/rpmsg-tree.js';
import { controlProcessor, findProcessor, type ProcessorAction } from './control-processor.js';
import { type NodeUsers, remoteprocReport } from './report.js';
import { reportText } from './report-text.js';

const M4 = 'platform/mlahb/10000000.m4';
const GPU = 'platform/soc/20000000.dsp';
const VIRTIO = `${M4}/remoteproc/remoteproc0/remoteproc0#vdev0buffer/virtio0`;
const OFFLINE = { device: 'remoteproc0', name: 'm4', state: 'offline', firmware: 'hub.elf', hardware: M4 };

let folder: string;
let sysfs: SysfsTree;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gpiobridge-remoteproc-'));
  sysfs = new SysfsTree(folder);
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** As the kernel does it: writing to `state` or `recovery` changes the state. */
function tree(does: (control: string, text: string) => void = () => {}): RemoteprocTree {
  return new RemoteprocTree(folder, (path, text) => does(path.slice(path.lastIndexOf('/') + 1), text));
}

const text = (users: NodeUsers = new Map()) =>
  reportText(remoteprocReport(tree(), new RpmsgTree(folder), users));

describe('the list', () => {
  it('says that there is nothing', () => {
    expect(text()).toBe('no remote processors\n');
  });

  it('has processors, channels and endpoints, with who uses them', () => {
    sysfs
      .processor({ ...OFFLINE, state: 'running', recovery: 'enabled', coredump: 'disabled' })
      .processor({ device: 'remoteproc1', name: 'dsp', state: 'offline', hardware: GPU })
      .transport({
        path: VIRTIO,
        control: 'rpmsg_ctrl0',
        channels: [
          { name: 'rpmsg-raw', dst: 1024, driver: 'rpmsg_chrdev', node: 'rpmsg0' },
          { name: 'rpmsg-tty', dst: 1025, driver: 'rpmsg_tty' },
          { name: 'rpmsg-io', dst: 30 },
        ],
        endpoints: [{ device: 'rpmsg1', name: 'rpmsg-io', src: 0xffff_ffff, dst: 30 }],
      });
    expect(text(new Map([['/dev/rpmsg1', 'hub']]))).toBe(
      `
PROCESSOR    NAME  STATE    FIRMWARE  RECOVERY  COREDUMP
remoteproc0  m4    running  hub.elf   enabled   disabled
remoteproc1  dsp   offline  -         -         -

SERVICE    PROCESSOR    SRC  DST    NODE         USED BY           CHANNEL
rpmsg-io   remoteproc0  any  0x1e   -            -                 virtio0.rpmsg-io.-1.30
rpmsg-raw  remoteproc0  any  0x400  /dev/rpmsg0  -                 virtio0.rpmsg-raw.-1.1024
rpmsg-tty  remoteproc0  any  0x401  -            driver rpmsg_tty  virtio0.rpmsg-tty.-1.1025
rpmsg-io   remoteproc0  any  0x1e   /dev/rpmsg1  gpiobridge: hub   (endpoint)
`.trimStart(),
    );
  });

  it('shows no control characters that a firmware announces', () => {
    sysfs.transport({ path: VIRTIO, channels: [{ name: 'evil\u001b[2J', dst: 1 }] });
    expect(text()).toContain('evil?[2J');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
    expect(text()).not.toMatch(/\u001b/);
  });

  it('has numbers in their order, and channels that no processor is behind', () => {
    for (const number of [10, 2]) {
      sysfs.transport({
        path: `pci0000:00/virtio${number}`,
        channels: [{ name: 'rpmsg-raw', dst: 1024, node: `rpmsg${number}` }],
      });
    }
    const rows = text().split('\n').slice(1, 3);
    expect(rows.map((row) => row.split(/ +/).slice(0, 5))).toEqual([
      ['rpmsg-raw', '-', 'any', '0x400', '/dev/rpmsg2'],
      ['rpmsg-raw', '-', 'any', '0x400', '/dev/rpmsg10'],
    ]);
  });
});

describe('a processor', () => {
  beforeEach(() => {
    sysfs
      .processor(OFFLINE)
      .processor({ device: 'remoteproc1', name: 'dsp', state: 'running', hardware: GPU });
  });

  it.each(['remoteproc0', '0', 'm4'])('is named as %s', (id) => {
    expect(findProcessor(id, tree())).toMatchObject({ device: 'remoteproc0', name: 'm4', state: 'offline' });
  });

  it('that is not there is refused with those that are', () => {
    expect(() => findProcessor('m7', tree())).toThrow(
      "no remote processor 'm7': there is remoteproc0 (m4), remoteproc1 (dsp)",
    );
  });

  it('whose name another one has is asked for by its device', () => {
    sysfs.set('remoteproc1', { name: 'm4' });
    expect(() => findProcessor('m4', tree())).toThrow(
      "several processors are called 'm4': remoteproc0 (m4), remoteproc1 (m4)",
    );
  });

  it('is started with other firmware, which is written first', () => {
    const written: string[] = [];
    const kernel = tree((control, value) => {
      written.push(`${control}=${value}`);
      if (control === 'state') sysfs.set('remoteproc0', { state: 'running' });
      else sysfs.set('remoteproc0', { [control]: value });
    });
    const started = controlProcessor('start', findProcessor('m4', kernel), 'new.elf', kernel);
    expect(written).toEqual(['firmware=new.elf', 'state=start']);
    expect(started).toMatchObject({ state: 'running', firmware: 'new.elf' });
  });

  it('is stopped, and recovered', () => {
    const kernel = tree((control, value) => {
      if (control === 'state' && value === 'stop') sysfs.set('remoteproc1', { state: 'offline' });
      if (control === 'recovery' && value === 'recover') sysfs.set('remoteproc0', { state: 'running' });
    });
    expect(controlProcessor('stop', findProcessor('dsp', kernel), undefined, kernel).state).toBe('offline');
    sysfs.set('remoteproc0', { state: 'crashed', recovery: 'disabled' });
    expect(controlProcessor('recover', findProcessor('m4', kernel), undefined, kernel).state).toBe('running');
  });

  it('that crashes again while it recovers is told of', () => {
    sysfs.set('remoteproc0', { state: 'crashed', recovery: 'disabled' });
    expect(() => controlProcessor('recover', findProcessor('m4', tree()), undefined, tree())).toThrow(
      expect.objectContaining({
        name: 'DEVICE_ERROR',
        message: 'm4 (remoteproc0) is crashed still: dmesg says more',
      }),
    );
  });

  const states: [ProcessorAction, string, string][] = [
    [
      'start',
      'running',
      'm4 (remoteproc0) is running: stop it first: gpiobridge remoteproc stop remoteproc0',
    ],
    ['start', 'crashed', 'm4 (remoteproc0) is crashed: gpiobridge remoteproc recover remoteproc0'],
    ['stop', 'offline', 'm4 (remoteproc0) is offline: there is nothing to stop'],
    ['recover', 'running', 'm4 (remoteproc0) is running: only one that crashed can be recovered'],
  ];
  it.each(states)('is not asked to %s while it is %s', (action, state, message) => {
    sysfs.set('remoteproc0', { state });
    const kernel = tree(() => {
      throw new Error('nothing is written');
    });
    expect(() => controlProcessor(action, findProcessor('m4', kernel), undefined, kernel)).toThrow(
      expect.objectContaining({ name: 'BUSY', message }),
    );
  });

  const refusals: [keyof typeof ERRNO, ProcessorAction, string, string][] = [
    ['EACCES', 'start', 'PERMISSION_DENIED', 'only root may: sudo gpiobridge remoteproc start remoteproc0'],
    [
      'ENOENT',
      'start',
      'DEVICE_ERROR',
      "there is no firmware 'hub.elf' in /lib/firmware: put it there, or name another with --firmware",
    ],
    [
      'EINVAL',
      'start',
      'DEVICE_ERROR',
      "the kernel refuses the firmware 'hub.elf', or its driver cannot start: dmesg says more",
    ],
    ['EBUSY', 'start', 'BUSY', 'it is offline: stop it first'],
    ['ETIMEDOUT', 'start', 'DEVICE_ERROR', 'ETIMEDOUT: connection timed out, write: dmesg says more'],
  ];
  it.each(refusals)('says why the kernel refuses: %s at %s', (code, action, name, message) => {
    const kernel = tree(() => {
      throw new SystemCallError('write', ERRNO[code]);
    });
    expect(() => controlProcessor(action, findProcessor('m4', kernel), undefined, kernel)).toThrow(
      expect.objectContaining({ name, message: `cannot ${action} m4 (remoteproc0): ${message}` }),
    );
  });

  it('is told by writing to its attributes', () => {
    const plain = new RemoteprocTree(folder);
    plain.write(findProcessor('m4', plain), 'recovery', 'disabled');
    expect(readFileSync(join(folder, 'class/remoteproc/remoteproc0/recovery'), 'utf8')).toBe('disabled');
  });
});
