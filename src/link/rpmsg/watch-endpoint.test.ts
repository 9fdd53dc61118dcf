import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../../test/contract/packet-link.js';
import type { RpmsgKernel } from '../../../test/support/rpmsg-kernel.js';
import { M4, RpmsgLinks, RUNNING, VIRTIO } from '../../../test/support/rpmsg-links.js';
import { RPMSG_ADDRESS_ANY as ANY } from '../../linux/rpmsg.js';

let rig: RpmsgLinks;
let kernel: RpmsgKernel;
let folder: string;

beforeEach(() => {
  rig = new RpmsgLinks();
  ({ kernel, folder } = rig);
});
afterEach(() => rig.close());

const up = (url: string, lookMs?: number) => rig.up(url, lookMs);
const refusal = (url: string) => rig.refusal(url);

describe('an endpoint that was made for a channel', () => {
  beforeEach(() => {
    kernel.sysfs.processor(RUNNING).transport({
      path: VIRTIO,
      control: 'rpmsg_ctrl0',
      channels: [{ name: 'rpmsg-io-channel', dst: 30 }],
    });
  });

  it('is left when the firmware withdraws it, though the endpoint outlives it', async () => {
    const link = await up('rpmsg:rpmsg-io-channel');
    const id = 'virtio0.rpmsg-io-channel.-1.30';
    kernel.sysfs.remove(`bus/rpmsg/devices/${id}`, `${VIRTIO}/${id}`);
    await until(() => link.state.kind === 'down');
    expect(link.state).toMatchObject({
      cause: 'gone',
      reason: 'the firmware withdrew the service, or started anew',
    });
  });

  describe('is looked after at once when the kernel tells of it: when', () => {
    const NEVER_MS = 3_600_000;
    const id = 'virtio0.rpmsg-io-channel.-1.30';

    it('it goes, though its directory is still there', async () => {
      const link = await up('rpmsg:rpmsg-io-channel', NEVER_MS);
      kernel.tell('change', `${VIRTIO}/${id}`);
      expect(link.state.kind).toBe('up');
      rmSync(join(folder, 'sys/bus/rpmsg/devices', id));
      kernel.tell('remove', `${VIRTIO}/${id}`);
      expect(link.state).toMatchObject({ reason: 'the firmware withdrew the service, or started anew' });
      expect(kernel.listening).toBe(0);
    });

    it('a driver of the kernel takes it', async () => {
      const link = await up('rpmsg:rpmsg-io-channel', NEVER_MS);
      kernel.sysfs.bind(`${VIRTIO}/${id}`, 'gpio_rpmsg');
      kernel.tell('bind', `${VIRTIO}/${id}`);
      expect(link.state).toMatchObject({ kind: 'down' });
    });

    it('its processor crashed, of which other devices go first', async () => {
      const link = await up('rpmsg:rpmsg-io-channel', NEVER_MS);
      kernel.sysfs.set('remoteproc0', { state: 'crashed' });
      kernel.tell('remove', `${VIRTIO}/virtio0.rpmsg-tty.-1.1025`);
      expect(link.state).toMatchObject({ reason: expect.stringContaining('m4 crashed') });
    });

    it('nobody listens after the link was closed', async () => {
      const link = await up('rpmsg:rpmsg-io-channel', NEVER_MS);
      expect(kernel.listening).toBe(1);
      await link.close();
      expect(kernel.listening).toBe(0);
    });
  });

  it('is left to a driver of the kernel that takes it', async () => {
    const link = await up('rpmsg:rpmsg-io-channel');
    kernel.sysfs.bind(`${VIRTIO}/virtio0.rpmsg-io-channel.-1.30`, 'gpio_rpmsg');
    await until(() => link.state.kind === 'down');
    expect(link.state).toMatchObject({
      reason: "the kernel's driver gpio_rpmsg took the channel virtio0.rpmsg-io-channel.-1.30",
    });
    expect(await refusal('rpmsg:rpmsg-io-channel')).toContain('drivers/gpio_rpmsg/unbind');
  });

  describe('has an endpoint that a run before left, which', () => {
    const left = (dst: number): void => {
      const endpoint = { device: 'rpmsg7', name: 'rpmsg-io-channel', src: ANY, dst };
      kernel.sysfs.endpoint(VIRTIO, 'rpmsg_ctrl0', endpoint);
    };
    const urls = () => ['rpmsg:rpmsg-io-channel', `rpmsg:${folder}/rpmsg7`] as const;

    it('is used, and none is made beside it', async () => {
      left(30);
      const link = await up('rpmsg:rpmsg-io-channel');
      expect(kernel.created).toEqual([]);
      expect(link.devicePath).toBe(join(folder, 'rpmsg7'));
      await link.close();
      expect(kernel.places.trees.rpmsg.endpoints()).toHaveLength(1);
    });

    it.each([0, 1] as const)('is left when the firmware withdraws the service (URL %i)', async (which) => {
      left(30);
      const link = await up(urls()[which]);
      const id = 'virtio0.rpmsg-io-channel.-1.30';
      kernel.sysfs.remove(`bus/rpmsg/devices/${id}`, `${VIRTIO}/${id}`);
      await until(() => link.state.kind === 'down');
      expect(link.state).toMatchObject({ reason: 'the firmware withdrew the service, or started anew' });
    });

    it.each([0, 1] as const)('is left when a driver of the kernel takes it (URL %i)', async (which) => {
      left(30);
      const link = await up(urls()[which]);
      kernel.sysfs.bind(`${VIRTIO}/virtio0.rpmsg-io-channel.-1.30`, 'gpio_rpmsg');
      await until(() => link.state.kind === 'down');
      expect(link.state).toMatchObject({
        reason: "the kernel's driver gpio_rpmsg took the channel virtio0.rpmsg-io-channel.-1.30",
      });
    });

    it('is left when the service that was away is announced at another address', async () => {
      const id = 'virtio0.rpmsg-io-channel.-1.30';
      kernel.sysfs.remove(`bus/rpmsg/devices/${id}`, `${VIRTIO}/${id}`);
      left(30);
      const link = await up('rpmsg:rpmsg-io-channel');
      kernel.sysfs.channel(VIRTIO, { name: 'rpmsg-tty', dst: 40 });
      kernel.sysfs.channel(VIRTIO, { name: 'rpmsg-io-channel', dst: 31 });
      await until(() => link.state.kind === 'down');
      expect(link.state).toMatchObject({ cause: 'gone', reason: 'the firmware announces the service now' });
      await up('rpmsg:rpmsg-io-channel');
      expect(kernel.created).toEqual([{ name: 'rpmsg-io-channel', src: ANY, dst: 31 }]);
    });
  });
});

describe('the end of an endpoint', () => {
  const cases: [string, Partial<typeof RUNNING> & { recovery?: string }, string][] = [
    [
      'crashed, and restarts',
      { state: 'crashed', recovery: 'enabled' },
      'remote processor m4 crashed: the kernel restarts it',
    ],
    [
      'crashed with recovery disabled',
      { state: 'crashed', recovery: 'disabled' },
      'remote processor m4 crashed, and its recovery is disabled: gpiobridge remoteproc recover remoteproc0',
    ],
    [
      'was stopped',
      { state: 'offline', recovery: 'disabled' },
      'remote processor m4 was stopped: gpiobridge remoteproc start remoteproc0',
    ],
    [
      'is offline, as it also is on its way through a recovery',
      { state: 'offline', recovery: 'enabled' },
      'remote processor m4 is offline: stopped (gpiobridge remoteproc start remoteproc0), or restarting after a crash',
    ],
    [
      'runs',
      {},
      'the endpoint is gone: the remote processor stopped or restarted, or the channel was removed',
    ],
  ];
  it.each(cases)('names what became of the processor: %s', async (_, record, reason) => {
    kernel.sysfs.processor(RUNNING).transport({
      path: VIRTIO,
      channels: [{ name: 'rpmsg-raw', dst: 1024, node: 'rpmsg0' }],
    });
    const link = await up('rpmsg:rpmsg-raw');
    kernel.sysfs.set('remoteproc0', record);
    kernel.close();
    await until(() => link.state.kind === 'down');
    expect(link.state).toEqual({ kind: 'down', cause: 'gone', reason });
  });

  it('is noticed where a crash leaves the endpoint open, and opening it again is refused until it recovers', async () => {
    kernel.sysfs.processor({ ...RUNNING, recovery: 'disabled' }).transport({
      path: VIRTIO,
      channels: [{ name: 'rpmsg-raw', dst: 1024, node: 'rpmsg0' }],
    });
    const link = await up('rpmsg:rpmsg-raw');
    kernel.sysfs.set('remoteproc0', { state: 'crashed' });
    await until(() => link.state.kind === 'down');
    expect(link.state).toMatchObject({ reason: expect.stringMatching(/^remote processor m4 crashed/) });
    expect(await refusal('rpmsg:rpmsg-raw')).toBe(
      'error: rpmsg:rpmsg-raw: remote processor m4 crashed, and its recovery is disabled: gpiobridge remoteproc recover remoteproc0',
    );
    kernel.sysfs.set('remoteproc0', { state: 'running' });
    await up('rpmsg:rpmsg-raw');
  });

  it('finds the processor beside a transport that does not stand below it', async () => {
    const edge = `${M4}/10000000.m4:glink-edge`;
    kernel.sysfs.processor(RUNNING).transport({
      path: edge,
      channels: [{ name: 'rpmsg-raw', dst: 1024, node: 'rpmsg0' }],
    });
    const link = await up('rpmsg:rpmsg-raw');
    kernel.sysfs.set('remoteproc0', { state: 'offline' });
    kernel.close();
    await until(() => link.state.kind === 'down');
    expect(link.state).toMatchObject({ reason: expect.stringContaining('m4 is offline') });
  });

  it('is called a crash for as long as that lasts, which takes the processor through offline', async () => {
    const id = 'virtio0.rpmsg-io-channel.-1.30';
    const announce = () => kernel.sysfs.channel(VIRTIO, { name: 'rpmsg-io-channel', dst: 30 });
    kernel.sysfs.processor({ ...RUNNING, recovery: 'enabled' });
    kernel.sysfs.transport({ path: VIRTIO, control: 'rpmsg_ctrl0' });
    announce();
    const link = await up('rpmsg:rpmsg-io-channel');
    kernel.sysfs.set('remoteproc0', { state: 'crashed' });
    await until(() => link.state.kind === 'down');
    expect(link.state).toMatchObject({ reason: 'remote processor m4 crashed: the kernel restarts it' });

    kernel.sysfs.set('remoteproc0', { state: 'offline' });
    kernel.sysfs.remove(`bus/rpmsg/devices/${id}`, `${VIRTIO}/${id}`);
    const offline = 'remote processor m4 crashed, and is offline before it restarts';
    expect(await refusal('rpmsg:rpmsg-io-channel')).toContain(offline);

    kernel.sysfs.set('remoteproc0', { state: 'running' });
    announce();
    await (await up('rpmsg:rpmsg-io-channel')).close();
    kernel.sysfs.set('remoteproc0', { state: 'offline' });
    expect(await refusal('rpmsg:rpmsg-io-channel')).toContain('remote processor m4 is offline: stopped (');
  });
});
