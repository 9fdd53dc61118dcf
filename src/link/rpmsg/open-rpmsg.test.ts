import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../../test/contract/packet-link.js';
import type { RpmsgKernel } from '../../../test/support/rpmsg-kernel.js';
import { RpmsgLinks, RUNNING, VIRTIO } from '../../../test/support/rpmsg-links.js';
import { ERRNO } from '../../linux/errno.js';
import { RPMSG_ADDRESS_ANY as ANY } from '../../linux/rpmsg.js';
import type { PacketBatch } from '../packet-link.js';

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
    const link = rig.open('rpmsg:rpmsg-raw');
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
      `error: rpmsg:rpmsg-raw: ${folder}/rpmsg3 is the endpoint of 'rpmsg-tty' (dst 0x401) now`,
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

  it('waits for udev to let it open the node, and says so when that does not come', async () => {
    kernel.failing.set('rpmsg0', ERRNO.EACCES);
    const opened = rig.open('rpmsg:rpmsg-io-channel');
    await until(() => kernel.created.length > 0);
    kernel.failing.clear();
    await until(() => opened.state.kind === 'up');
    await opened.close();
    rig.nodeLimitMs = 50;
    kernel.failing.set('rpmsg1', ERRNO.EACCES);
    expect(await refusal('rpmsg:rpmsg-io-channel')).toMatch(/no permission to open .*rpmsg1.*docs\/rpmsg.md/);
  });

  it('is refused while a driver of the kernel has it', async () => {
    kernel.sysfs.channel(VIRTIO, { name: 'rpmsg-tty', dst: 1025, driver: 'rpmsg_tty' });
    expect(await refusal('rpmsg:rpmsg-tty')).toBe(
      "error: rpmsg:rpmsg-tty: the kernel's driver rpmsg_tty has the channel virtio0.rpmsg-tty.-1.1025: " +
        'release it with echo virtio0.rpmsg-tty.-1.1025 | sudo tee /sys/bus/rpmsg/drivers/rpmsg_tty/unbind (docs/rpmsg.md)',
    );
  });

  it('is found under whatever number it returns', async () => {
    const open = rig.opener('rpmsg:rpmsg-raw');
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
