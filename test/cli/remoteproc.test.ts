import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { built } from '../support/built.js';
import { run, temporaryDirectory } from '../support/program.js';
import { SysfsTree } from '../support/sysfs-tree.js';

/** The command on recorded machines: attributes are files, so that writing to them changes them as it says. */

const M4 = 'platform/mlahb/10000000.m4';
const VIRTIO = `${M4}/remoteproc/remoteproc0/remoteproc0#vdev0buffer/virtio0`;
const PROCESSOR = {
  device: 'remoteproc0',
  name: 'm4',
  state: 'running',
  firmware: 'hub.elf',
  recovery: 'enabled',
  coredump: 'disabled',
  hardware: M4,
};

let dir: ReturnType<typeof temporaryDirectory>;
let sysfs: SysfsTree;

beforeAll(built);
beforeEach(() => {
  dir = temporaryDirectory();
  sysfs = new SysfsTree(dir.path).processor(PROCESSOR).transport({
    path: VIRTIO,
    channels: [{ name: 'rpmsg-raw', src: 1024, dst: 1024, driver: 'rpmsg_chrdev', node: 'rpmsg7' }],
  });
});
afterEach(() => {
  dir.remove();
});

const remoteproc = (...args: string[]) => run(['remoteproc', ...args, '--sysfs', dir.path]);
const attribute = (name: string) => readFileSync(dir.join(`class/remoteproc/remoteproc0/${name}`), 'utf8');

describe('gpiobridge remoteproc', () => {
  it('lists for people, and for programs', async () => {
    expect((await remoteproc()).stdout).toBe(
      `
PROCESSOR    NAME  STATE    FIRMWARE  RECOVERY  COREDUMP
remoteproc0  m4    running  hub.elf   enabled   disabled

SERVICE    PROCESSOR    SRC    DST    NODE         USED BY  CHANNEL
rpmsg-raw  remoteproc0  0x400  0x400  /dev/rpmsg7  -        virtio0.rpmsg-raw.1024.1024
`.trimStart(),
    );
    const { stdout } = await remoteproc('list', '--json');
    const { hardware: _, ...processor } = PROCESSOR;
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { type: 'processor', ...processor },
      {
        type: 'channel',
        service: 'rpmsg-raw',
        processor: 'remoteproc0',
        channel: 'virtio0.rpmsg-raw.1024.1024',
        src: 1024,
        dst: 1024,
        driver: 'rpmsg_chrdev',
        node: '/dev/rpmsg7',
        coprocessor: null,
        holders: null,
      },
    ]);
  });

  it('starts with firmware, stops and recovers', async () => {
    sysfs.set('remoteproc0', { state: 'offline' });
    expect(await remoteproc('start', 'm4', '--firmware', 'new.elf')).toMatchObject({ status: 0 });
    expect([attribute('firmware'), attribute('state')]).toEqual(['new.elf', 'start']);
    sysfs.set('remoteproc0', { state: 'running' });
    expect(await remoteproc('stop', '0')).toMatchObject({ status: 0 });
    expect(attribute('state')).toBe('stop');
    sysfs.set('remoteproc0', { state: 'crashed', recovery: 'disabled' });
    const { status, stderr } = await remoteproc('recover', 'remoteproc0');
    expect([status, attribute('recovery')]).toEqual([1, 'recover']);
    expect(stderr).toBe('gpiobridge remoteproc: m4 (remoteproc0) is crashed still: dmesg says more\n');
  });

  it('says what is wrong with what it is told', async () => {
    const refused = async (...args: string[]) => (await remoteproc(...args)).stderr.split('\n')[0];
    expect(await refused('start', 'm4')).toBe(
      'gpiobridge remoteproc: m4 (remoteproc0) is running: stop it first: gpiobridge remoteproc stop remoteproc0',
    );
    expect(await refused('stop', 'm7')).toBe(
      "gpiobridge remoteproc: no remote processor 'm7': there is remoteproc0 (m4)",
    );
    expect(await refused('stop')).toBe(
      "gpiobridge remoteproc: stop which processor? 'gpiobridge remoteproc' lists them",
    );
    expect(await refused('stop', 'm4', '--firmware', 'x')).toBe(
      'gpiobridge remoteproc: --firmware: only start takes it, not stop',
    );
    expect(await refused('restart', 'm4')).toMatch(/'restart' is invalid.*list, start, stop, recover/);
    expect(await refused('--runtime-dir', '/nowhere')).toMatch(/no gpiobridge daemon answers/);
  });

  // Root may write to whatever it likes.
  it.skipIf(process.getuid?.() === 0)('says who may, where this user may not', async () => {
    chmodSync(dir.join('class/remoteproc/remoteproc0/state'), 0o444);
    expect((await remoteproc('stop', 'm4')).stderr).toBe(
      'gpiobridge remoteproc: cannot stop m4 (remoteproc0): only root may: sudo gpiobridge remoteproc stop remoteproc0\n',
    );
  });

  it('leaves out what it may not read, or is gone', async () => {
    writeFileSync(dir.join('class/remoteproc/remoteproc0/firmware'), '');
    sysfs.remove('class/rpmsg/rpmsg7', `${VIRTIO}/virtio0.rpmsg-raw.1024.1024`);
    sysfs.channel(VIRTIO, { name: 'rpmsg-raw', dst: 1030 });
    const { status, stdout } = await remoteproc();
    expect(status).toBe(0);
    expect(stdout).toContain('rpmsg-raw  remoteproc0  any  0x406  -     -        virtio0.rpmsg-raw.-1.1030');
    expect(stdout).not.toContain('rpmsg7');
  });
});
