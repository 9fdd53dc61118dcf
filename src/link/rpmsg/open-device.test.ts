import { symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RpmsgKernel } from '../../../test/support/rpmsg-kernel.js';
import { RpmsgLinks, RUNNING, VIRTIO } from '../../../test/support/rpmsg-links.js';
import { RPMSG_ADDRESS_ANY as ANY } from '../../linux/rpmsg.js';

const M7 = 'platform/soc/20000000.m7';
const M7_VIRTIO = `${M7}/remoteproc/remoteproc1/rproc-virtio.1.auto/virtio1`;
const RAW = { name: 'rpmsg-raw', dst: 1024 };
const TTY = { name: 'rpmsg-tty', dst: 1025 };

let rig: RpmsgLinks;
let kernel: RpmsgKernel;
let url: string;

beforeEach(() => {
  rig = new RpmsgLinks();
  ({ kernel } = rig);
  url = `rpmsg:${rig.folder}/rpmsg0`;
  kernel.sysfs.processor(RUNNING).transport({ path: VIRTIO, control: 'rpmsg_ctrl0' });
  announce(RAW, 'rpmsg0');
});
afterEach(() => rig.close());

type Service = typeof RAW;

/** The firmware announces a channel, which gets a node of its own. */
function announce({ name, dst }: Service, node: string, transport = VIRTIO): void {
  kernel.sysfs.channel(transport, { name, dst, driver: 'rpmsg_chrdev', node });
}

function withdraw({ name, dst }: Service, node: string): void {
  const id = `virtio0.${name}.-1.${dst}`;
  for (const link of [`class/rpmsg/${node}`, `bus/rpmsg/devices/${id}`]) {
    kernel.sysfs.remove(link, `${VIRTIO}/${id}`);
  }
}

/** Opens the link, and closes it again; where it led. */
async function opens(): Promise<string | undefined> {
  const link = await rig.up(url);
  const { devicePath } = link;
  await link.close();
  return devicePath?.slice(rig.folder.length + 1);
}

describe('a device that was open, after its processor restarted', () => {
  beforeEach(async () => {
    expect(await opens()).toBe('rpmsg0');
    withdraw(RAW, 'rpmsg0');
  });

  it('is found under another number', async () => {
    announce(RAW, 'rpmsg1');
    expect(await opens()).toBe('rpmsg1');
  });

  it('is found where another service has its number now, which hears nothing', async () => {
    announce(TTY, 'rpmsg0');
    announce(RAW, 'rpmsg3');
    expect(await opens()).toBe('rpmsg3');
    expect(kernel.open.map(({ device }) => device)).toEqual(['rpmsg0', 'rpmsg3']);
  });

  it('is waited for while another service has its number', async () => {
    announce(TTY, 'rpmsg0');
    expect(await rig.refusal(url)).toBe(
      `error: ${url}: the endpoint of 'rpmsg-raw' (dst 0x400) is gone, and ${rig.folder}/rpmsg0 is that of 'rpmsg-tty' (dst 0x401) now`,
    );
    expect(kernel.open.map(({ device }) => device)).toEqual(['rpmsg0']);
    announce(RAW, 'rpmsg1');
    expect(await opens()).toBe('rpmsg1');
  });

  it('is told from one of its name at another address', async () => {
    announce({ ...RAW, dst: 1030 }, 'rpmsg0');
    expect(await rig.refusal(url)).toContain("is that of 'rpmsg-raw' (dst 0x406) now");
    announce(RAW, 'rpmsg1');
    expect(await opens()).toBe('rpmsg1');
  });

  it('is told from the same service of another processor', async () => {
    kernel.sysfs.processor({ ...RUNNING, device: 'remoteproc1', name: 'm7', hardware: M7 });
    announce(RAW, 'rpmsg0', M7_VIRTIO);
    expect(await rig.refusal(url)).toContain("the endpoint of 'rpmsg-raw' (dst 0x400) is gone");
    announce(RAW, 'rpmsg1');
    expect(await opens()).toBe('rpmsg1');
  });

  it('is found when the processors were numbered anew', async () => {
    kernel.sysfs.remove('class/remoteproc/remoteproc0', `${RUNNING.hardware}/remoteproc/remoteproc0`);
    kernel.sysfs.processor({ ...RUNNING, device: 'remoteproc4' });
    announce(RAW, 'rpmsg1', `${RUNNING.hardware}/remoteproc/remoteproc4/rproc-virtio.4.auto/virtio3`);
    expect(await opens()).toBe('rpmsg1');
  });

  it('stays with its number where that is the same service again', async () => {
    announce(RAW, 'rpmsg0');
    const endpoint = { ...RAW, device: 'rpmsg2', src: ANY };
    kernel.sysfs.endpoint(VIRTIO, 'rpmsg_ctrl0', endpoint);
    expect(await opens()).toBe('rpmsg0');
  });

  it('gets no endpoint made for it, and says what its processor does', async () => {
    kernel.sysfs.channel(VIRTIO, RAW);
    kernel.sysfs.set('remoteproc0', { state: 'crashed', recovery: 'disabled' });
    expect(await rig.refusal(url)).toBe(
      `error: ${url}: the endpoint of 'rpmsg-raw' (dst 0x400) is gone; ` +
        'remote processor m4 crashed, and its recovery is disabled: gpiobridge remoteproc recover remoteproc0',
    );
    expect(kernel.created).toEqual([]);
  });
});

it('follows a link that udev makes to the device, as long as that is the same service', async () => {
  const link = join(rig.folder, 'hub');
  for (const node of ['rpmsg0', 'rpmsg5']) writeFileSync(join(rig.folder, node), '');
  symlinkSync('rpmsg0', link);
  url = `rpmsg:${link}`;
  expect(await opens()).toBe('rpmsg0');
  withdraw(RAW, 'rpmsg0');
  announce(RAW, 'rpmsg5');
  unlinkSync(link);
  symlinkSync('rpmsg5', link);
  expect(await opens()).toBe('rpmsg5');
});
