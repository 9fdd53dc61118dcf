import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../../test/contract/packet-link.js';
import { RpmsgKernel } from '../../../test/support/rpmsg-kernel.js';
import { timeouts } from '../../base/timeouts.js';
import { systemTime } from '../../linux/clock.js';
import { ERRNO } from '../../linux/errno.js';
import { RPMSG_ADDRESS_ANY as ANY } from '../../linux/rpmsg.js';
import type { OpenEndpoint } from '../messages/message-link.js';
import { MessageLink } from '../messages/message-link.js';
import type { PacketBatch } from '../packet-link.js';
import { parseLinkUrl } from '../url.js';
import { openRpmsgDevice, rpmsgServiceOpener } from './open-rpmsg.js';
import { RpmsgPast } from './rpmsg-past.js';

const M4 = 'platform/soc/10000000.m4';
const VIRTIO = `${M4}/remoteproc/remoteproc0/remoteproc0#vdev0buffer/virtio0`;
const RUNNING = { device: 'remoteproc0', name: 'm4', state: 'running', hardware: M4 };

let folder: string;
let kernel: RpmsgKernel;
/** Long where a node comes, short where it does not. */
let nodeLimitMs: number;
let past: RpmsgPast;
const links: MessageLink[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gpiobridge-rpmsg-'));
  kernel = new RpmsgKernel(folder, VIRTIO);
  nodeLimitMs = 10_000;
  past = new RpmsgPast();
});
afterEach(async () => {
  for (const link of links.splice(0)) await link.close();
  kernel.close();
  rmSync(folder, { recursive: true });
});

function opener(url: string, processor_look: number): OpenEndpoint {
  const parsed = parseLinkUrl(url);
  const limits = timeouts({ rpmsg_node: nodeLimitMs, processor_look });
  const options = { time: systemTime, random: Math.random, timeouts: limits, places: kernel.places, past };
  if (parsed.kind === 'rpmsg') return () => openRpmsgDevice(url, parsed.path, options);
  if (parsed.kind !== 'rpmsg-service') throw new Error(url);
  return rpmsgServiceOpener(url, parsed, options);
}

function openLink(url: string, lookMs = 50): MessageLink {
  const link = new MessageLink(url, opener(url, lookMs), { role: 'driver', time: systemTime });
  links.push(link);
  return link;
}

async function up(url: string, lookMs?: number): Promise<MessageLink> {
  const link = openLink(url, lookMs);
  await until(() => link.state.kind !== 'opening');
  expect(link.state).toMatchObject({ kind: 'up', channel: 1 });
  return link;
}

async function refusal(url: string): Promise<string> {
  const link = openLink(url);
  await until(() => link.state.kind === 'down');
  const { state } = link;
  return state.kind === 'down' ? `${state.cause}: ${state.reason}` : '';
}

describe('a channel with a node of its own (rpmsg-raw)', () => {
  beforeEach(() => {
    kernel.sysfs.processor(RUNNING).transport({
      path: VIRTIO,
      control: 'rpmsg_ctrl0',
      channels: [{ name: 'rpmsg-raw', dst: 1024, driver: 'rpmsg_chrdev', node: 'rpmsg3' }],
    });
  });

  it.each(['rpmsg:rpmsg-raw', 'rpmsg:rpmsg-raw?dst=0x400', 'rpmsg:rpmsg-raw?processor=m4'])(
    'is opened as it is: %s',
    async (url) => {
      const link = await up(url);
      expect(kernel.created).toEqual([]);
      expect(link.devicePath).toBe(join(folder, 'rpmsg3'));
      expect(link.maxPacket).toBe(496);
      expect(link.renew).toBeUndefined();
    },
  );

  it('is opened by its device, too', async () => {
    expect((await up(`rpmsg:${folder}/rpmsg3`)).devicePath).toBe(`${folder}/rpmsg3`);
  });

  it('is rid of what waited in it before the link is up', async () => {
    kernel.waiting = ['old', 'older'];
    const link = openLink('rpmsg:rpmsg-raw');
    const batches: PacketBatch[] = [];
    link.packets$.subscribe((batch) => batches.push(batch));
    await until(() => link.state.kind === 'up');
    const { writeSync } = await import('node:fs');
    writeSync(kernel.last.firmware, 'new');
    await until(() => batches.length > 0);
    expect(batches.flatMap(({ packets }) => packets.map(String))).toEqual([Buffer.from('new')].map(String));
    expect(link.counters.discarded_before_open).toBe(2);
  });

  it('whose number went to another service meanwhile is not taken for it', async () => {
    kernel.afterOpen = () => {
      kernel.sysfs.remove('class/rpmsg/rpmsg3', `${VIRTIO}/virtio0.rpmsg-raw.-1.1024`);
      kernel.sysfs.channel(VIRTIO, { name: 'rpmsg-tty', dst: 1025, node: 'rpmsg3' });
    };
    expect(await refusal('rpmsg:rpmsg-raw')).toBe(
      `error: rpmsg:rpmsg-raw: ${folder}/rpmsg3 is the endpoint of 'rpmsg-tty' now`,
    );
  });

  it.each([
    ['EBUSY', `rpmsg3 is in use by a program that this user may not see`],
    ['ENETRESET', 'is being reset: it is tried again'],
    ['ENXIO', 'is gone'],
    ['ENOENT', 'does not exist: is the remote processor running? gpiobridge remoteproc'],
    ['EACCES', 'no permission to open'],
  ] as const)('says what is in the way of opening it: %s', async (code, message) => {
    kernel.failing.set('rpmsg3', ERRNO[code as 'EBUSY']);
    expect(await refusal('rpmsg:rpmsg-raw')).toContain(message);
  });
});

describe('a channel without a node', () => {
  beforeEach(() => {
    kernel.sysfs.processor(RUNNING).transport({
      path: VIRTIO,
      control: 'rpmsg_ctrl0',
      channels: [{ name: 'rpmsg-io-channel', dst: 30 }],
    });
  });

  it('is reached by an endpoint that is made, and removed again', async () => {
    const link = await up('rpmsg:rpmsg-io-channel');
    expect(kernel.created).toEqual([{ name: 'rpmsg-io-channel', src: ANY, dst: 30 }]);
    expect(kernel.places.trees.rpmsg.endpoints()).toMatchObject([{ device: 'rpmsg0' }]);
    await link.close();
    expect(kernel.places.trees.rpmsg.endpoints()).toEqual([]);
  });

  it('gets an address that none had before when the link is renewed', async () => {
    const link = await up('rpmsg:rpmsg-io-channel');
    for (let channel = 2; channel < 5; channel++) {
      link.renew!();
      expect(link.state.kind).toBe('opening');
      await until(() => link.state.kind === 'up');
      expect(link.state).toMatchObject({ channel });
    }
    const addresses = kernel.created.map(({ src }) => src);
    expect(new Set(addresses).size).toBe(4);
    for (const src of addresses.slice(1)) expect(src).toBeGreaterThanOrEqual(0x1_0000);
    expect(kernel.places.trees.rpmsg.endpoints()).toHaveLength(1);
  });

  it('takes the addresses that the URL gives, and then has no other', async () => {
    const link = await up('rpmsg:rpmsg-io-channel?src=0x500');
    expect(kernel.created).toEqual([{ name: 'rpmsg-io-channel', src: 0x500, dst: 30 }]);
    expect(link.renew).toBeUndefined();
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

  it('waits for udev to let it open the node, and says so when that does not come', async () => {
    kernel.failing.set('rpmsg0', ERRNO.EACCES);
    const opened = openLink('rpmsg:rpmsg-io-channel');
    await until(() => kernel.created.length > 0);
    kernel.failing.clear();
    await until(() => opened.state.kind === 'up');
    await opened.close();
    kernel.failing.set('rpmsg1', ERRNO.EACCES);
    nodeLimitMs = 50;
    expect(await refusal('rpmsg:rpmsg-io-channel')).toMatch(/no permission to open .*rpmsg1.*docs\/rpmsg.md/);
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

  it('is refused while a driver of the kernel has it', async () => {
    kernel.sysfs.channel(VIRTIO, { name: 'rpmsg-tty', dst: 1025, driver: 'rpmsg_tty' });
    expect(await refusal('rpmsg:rpmsg-tty')).toBe(
      "error: rpmsg:rpmsg-tty: the kernel's driver rpmsg_tty has the channel virtio0.rpmsg-tty.-1.1025: " +
        'release it with echo virtio0.rpmsg-tty.-1.1025 | sudo tee /sys/bus/rpmsg/drivers/rpmsg_tty/unbind (docs/rpmsg.md)',
    );
  });

  it('is found under whatever number it returns', async () => {
    const open = opener('rpmsg:rpmsg-raw', 50);
    for (const node of ['rpmsg4', 'rpmsg9']) {
      kernel.sysfs.channel(VIRTIO, { name: 'rpmsg-raw', dst: 1024, driver: 'rpmsg_chrdev', node });
      const endpoint = await open();
      expect(endpoint.path).toBe(join(folder, node));
      endpoint.close();
      for (const link of [`class/rpmsg/${node}`, 'bus/rpmsg/devices/virtio0.rpmsg-raw.-1.1024']) {
        kernel.sysfs.remove(link, `${VIRTIO}/virtio0.rpmsg-raw.-1.1024`);
      }
    }
  });
});

describe('what could be meant', () => {
  const SECOND = 'platform/soc/20000000.m7/remoteproc/remoteproc1/rproc-virtio.1.auto/virtio1';

  it('is asked for where two processors announce a service', async () => {
    kernel.sysfs
      .processor(RUNNING)
      .processor({ ...RUNNING, device: 'remoteproc1', name: 'm7', hardware: 'platform/soc/20000000.m7' })
      .transport({ path: VIRTIO, channels: [{ name: 'rpmsg-raw', dst: 1024, node: 'rpmsg0' }] })
      .transport({ path: SECOND, channels: [{ name: 'rpmsg-raw', dst: 1024, node: 'rpmsg1' }] });
    expect(await refusal('rpmsg:rpmsg-raw')).toMatch(
      /several channels have that name: virtio0.rpmsg-raw.-1.1024 \(dst 0x400\), virtio1.* say which with \?dst=, \?src= or \?processor=/,
    );
    expect((await up('rpmsg:rpmsg-raw?processor=m7')).devicePath).toBe(join(folder, 'rpmsg1'));
    expect((await up('rpmsg:rpmsg-raw?processor=remoteproc0')).devicePath).toBe(join(folder, 'rpmsg0'));
  });

  it('is an address alone, where the firmware announces nothing', async () => {
    kernel.sysfs.transport({ path: VIRTIO, control: 'rpmsg_ctrl0' });
    await up('rpmsg:gpio?dst=30');
    expect(kernel.created).toEqual([{ name: 'gpio', src: ANY, dst: 30 }]);
  });

  it('is not known without an address, and the message says what there is', async () => {
    kernel.sysfs
      .processor({ ...RUNNING, state: 'crashed', recovery: 'disabled' })
      .transport({ path: VIRTIO, control: 'rpmsg_ctrl0', channels: [{ name: 'rpmsg-tty', dst: 1 }] });
    expect(await refusal('rpmsg:gpio')).toBe(
      "error: rpmsg:gpio: no firmware announces 'gpio'; there is rpmsg-tty; remote processor m4 crashed, and its recovery is disabled: gpiobridge remoteproc recover remoteproc0",
    );
  });

  it('is no rpmsg at all on a kernel without', async () => {
    rmSync(join(folder, 'sys/bus/rpmsg'), { recursive: true });
    expect(await refusal('rpmsg:gpio')).toContain('the kernel has no rpmsg: load its modules');
  });

  it('is no control device', async () => {
    expect(await refusal(`rpmsg:${folder}/rpmsg_ctrl0`)).toContain('is a control device: give the name');
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
