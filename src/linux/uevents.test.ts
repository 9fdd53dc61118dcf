import { accessSync, constants, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { until } from '../../test/contract/packet-link.js';
import { parseUevent, type Uevent, Uevents } from './uevents.js';

it('reads what the kernel says of a device, and nothing else', () => {
  const message =
    'add@/devices/m4/virtio0/virtio0.rpmsg-raw.-1.1024\0ACTION=add\0DEVPATH=/devices/m4\0SUBSYSTEM=rpmsg\0SEQNUM=8\0';
  expect(parseUevent(Buffer.from(message))).toEqual({
    action: 'add',
    subsystem: 'rpmsg',
    path: '/devices/m4/virtio0/virtio0.rpmsg-raw.-1.1024',
  });
  for (const other of ['', 'libudev\0\xfe\xed', 'add@/devices/x\0ACTION=add\0', '@\0SUBSYSTEM=rpmsg\0']) {
    expect(parseUevent(Buffer.from(other, 'latin1'))).toBeUndefined();
  }
});

const NULL_DEVICE = '/sys/class/mem/null/uevent';

it.skipIf(!writable(NULL_DEVICE))('hears the kernel', async () => {
  const heard: Uevent[] = [];
  const uevents = new Uevents((event) => heard.push(event));
  writeFileSync(NULL_DEVICE, 'change');
  await until(() => heard.some(({ path }) => path === '/devices/virtual/mem/null'));
  uevents.close();
  expect(heard).toContainEqual({ action: 'change', subsystem: 'mem', path: '/devices/virtual/mem/null' });
});

it.skipIf(!writable(NULL_DEVICE))('hears nothing after it was closed, also from within', async () => {
  let heard = 0;
  let others = 0;
  const uevents = new Uevents(() => {
    heard++;
    uevents.close();
  });
  const other = new Uevents(() => others++);
  for (let i = 0; i < 3; i++) writeFileSync(NULL_DEVICE, 'change');
  await until(() => others >= 3);
  other.close();
  expect(heard).toBe(1);
});

/** A device of which the kernel says something when it is asked to; only root may ask. */
function writable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
