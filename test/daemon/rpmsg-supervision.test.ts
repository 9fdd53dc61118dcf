import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SimulatedCoprocessor } from '../../firmware-sim/index.js';
import { runtimeLayout } from '../../src/api/runtime-dir.js';
import { ApiServer } from '../../src/api/server/api-server.js';
import { DEFAULT_API_LIMITS } from '../../src/api/server/limits.js';
import { BootIds } from '../../src/daemon/boot-ids.js';
import { readConfig } from '../../src/daemon/config/read-config.js';
import { Coprocessor } from '../../src/daemon/coprocessor.js';
import { ChipDirectory } from '../../src/gpio/chip-directory.js';
import { MessageLink } from '../../src/link/messages/message-link.js';
import { seqpacketEndpoint } from '../../src/link/messages/seqpacket.js';
import { systemTime } from '../../src/linux/clock.js';
import { HandTime } from '../conformance/hand-time.js';
import { until } from '../contract/packet-link.js';
import { temporaryDirectory } from '../support/program.js';
import { RpmsgKernel } from '../support/rpmsg-kernel.js';

const M4 = 'platform/soc/10000000.m4';
const VIRTIO = `${M4}/remoteproc/remoteproc0/remoteproc0#vdev0buffer/virtio0`;
const CHANNEL = `${VIRTIO}/virtio0.rpmsg-raw.-1.1024`;

/** `reopen_max`, which the pauses have grown to; they are that long, as `random` is 1. */
const LONGEST_PAUSE_MS = 1_000;

let dir: ReturnType<typeof temporaryDirectory>;
let kernel: RpmsgKernel;
let time: HandTime;
let coprocessor: Coprocessor;
let firmware: SimulatedCoprocessor;

beforeEach(() => {
  dir = temporaryDirectory();
  time = new HandTime();
  kernel = new RpmsgKernel(dir.join('dev'), VIRTIO);
  firmware = new SimulatedCoprocessor({ lines: 4 });
  kernel.afterOpen = () => {
    const endpoint = seqpacketEndpoint(kernel.open.pop()!.firmware);
    firmware.attach(new MessageLink('firmware', endpoint, { role: 'device', time: systemTime }));
  };
  kernel.sysfs.processor({
    device: 'remoteproc0',
    name: 'm4',
    state: 'running',
    firmware: 'hub.elf',
    recovery: 'enabled',
    hardware: M4,
  });
});

afterEach(async () => {
  await coprocessor.stop('the test is over');
  await firmware.close();
  kernel.close();
  dir.remove();
});

function start(link: string): void {
  const layout = runtimeLayout(dir.join('run'));
  const { coprocessors } = readConfig('', 'none', [{ name: 'hub', url: link }]);
  coprocessor = new Coprocessor({
    config: coprocessors[0]!,
    access: { mode: 0o600 },
    api: new ApiServer({
      layout,
      clock: time,
      limits: DEFAULT_API_LIMITS,
      version: '0',
      graceMs: 0,
      warn: () => {},
    }),
    directory: new ChipDirectory(),
    bootIds: new BootIds(layout.bootIds, () => {}),
    time,
    random: () => 1,
    onChange: () => {},
    log: () => {},
    rpmsg: kernel.places,
  });
  coprocessor.start();
}

/** The firmware announces its channel, which gets this node. */
function announce(node: string): void {
  kernel.sysfs.channel(VIRTIO, { name: 'rpmsg-raw', dst: 1024, driver: 'rpmsg_chrdev', node });
  writeFileSync(`${kernel.places.dev}/${node}`, '');
}

function crash(node: string): void {
  kernel.sysfs.set('remoteproc0', { state: 'crashed' });
  for (const link of [`class/rpmsg/${node}`, 'bus/rpmsg/devices/virtio0.rpmsg-raw.-1.1024']) {
    kernel.sysfs.remove(link, CHANNEL);
  }
  kernel.tell('remove', CHANNEL);
  firmware.reboot();
}

/** Milliseconds of the daemon's time until a condition holds. */
async function takes(condition: () => boolean): Promise<number> {
  const from = time.now;
  await until(() => {
    if (condition()) return true;
    time.advance(1);
    return false;
  });
  return Number(time.now - from) / 1e6;
}

const chipState = () => coprocessor.chips.served[0]?.chip.state;

it('opens a service that returns at once, whatever the pause and the number, and names a crash', async () => {
  start('rpmsg:rpmsg-raw');
  // Pauses are as long as they get.
  while (coprocessor.openings < 10) {
    await until(() => coprocessor.waitsBecause !== undefined);
    time.advance(60_000);
  }
  await until(() => coprocessor.waitsBecause !== undefined);
  expect(coprocessor.waitsBecause).toContain("no firmware announces 'rpmsg-raw'");
  expect(coprocessor.processor).toBeUndefined();

  announce('rpmsg5');
  expect(await takes(() => coprocessor.link?.state.kind === 'up')).toBeLessThan(LONGEST_PAUSE_MS / 2);
  await takes(() => chipState()?.kind === 'up');
  expect(coprocessor.link?.devicePath).toBe(`${kernel.places.dev}/rpmsg5`);
  expect(coprocessor.processor).toMatchObject({ device: 'remoteproc0', name: 'm4', state: 'running' });

  crash('rpmsg5');
  await takes(() => chipState()?.kind === 'down');
  expect(chipState()).toMatchObject({
    reason: expect.stringContaining('remote processor m4 crashed: the kernel restarts it'),
  });
  // Its channel is gone, by which it was found; that it is this processor is remembered.
  expect(coprocessor.processor).toMatchObject({ name: 'm4', state: 'crashed' });

  // The kernel takes it through offline before it runs again.
  kernel.sysfs.set('remoteproc0', { state: 'offline' });
  for (let i = 0; i < 10; i++) {
    await until(() => coprocessor.waitsBecause !== undefined);
    time.advance(60_000);
  }
  await until(() => coprocessor.waitsBecause !== undefined);
  expect(coprocessor.waitsBecause).toContain(
    'remote processor m4 crashed, and is offline before it restarts',
  );
  kernel.sysfs.set('remoteproc0', { state: 'running' });
  announce('rpmsg9');
  expect(await takes(() => coprocessor.link?.state.kind === 'up')).toBeLessThan(LONGEST_PAUSE_MS / 2);
  await takes(() => chipState()?.kind === 'up');
  expect(coprocessor.link?.devicePath).toBe(`${kernel.places.dev}/rpmsg9`);
});

it('finds the service of a device again under another number, and leaves alone who has the first one now', async () => {
  announce('rpmsg5');
  start(`rpmsg:${kernel.places.dev}/rpmsg5`);
  await takes(() => chipState()?.kind === 'up');
  crash('rpmsg5');
  await takes(() => coprocessor.waitsBecause !== undefined);
  kernel.sysfs.processor({
    device: 'remoteproc1',
    name: 'm7',
    state: 'running',
    hardware: 'platform/soc/20000000.m7',
  });
  const other = 'platform/soc/20000000.m7/remoteproc/remoteproc1/rproc-virtio.1.auto/virtio1';
  kernel.sysfs.channel(other, { name: 'rpmsg-tty', dst: 1025, node: 'rpmsg5' });
  expect(coprocessor.processor).toMatchObject({ name: 'm4', state: 'crashed' });
  kernel.sysfs.set('remoteproc0', { state: 'running' });
  announce('rpmsg9');
  await takes(() => coprocessor.link?.state.kind === 'up');
  await takes(() => chipState()?.kind === 'up');
  expect(coprocessor.link?.devicePath).toBe(`${kernel.places.dev}/rpmsg9`);
  expect(coprocessor.processor).toMatchObject({ name: 'm4', state: 'running' });
});
