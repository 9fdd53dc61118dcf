import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { until } from '../../../test/contract/packet-link.js';
import type { Uevent } from '../../linux/uevents.js';
import type { RpmsgPlaces } from './places.js';
import { watchRpmsg } from './watch-rpmsg.js';

let dev: string;
/** What hears the kernel. */
const listeners = new Set<(event: Uevent) => void>();

function places(dev: string): Pick<RpmsgPlaces, 'dev' | 'hearKernel'> {
  return {
    dev,
    hearKernel: (heard) => {
      listeners.add(heard);
      return { close: () => listeners.delete(heard) };
    },
  };
}

beforeEach(() => {
  dev = mkdtempSync(join(tmpdir(), 'gpiobridge-dev-'));
});
afterEach(() => {
  rmSync(dev, { recursive: true });
});

it('notices nodes that appear, and that others may open now', async () => {
  let changes = 0;
  const watch = watchRpmsg(() => changes++, places(dev));
  writeFileSync(join(dev, 'rpmsg0'), '');
  await until(() => changes === 1);
  chmodSync(join(dev, 'rpmsg0'), 0o660);
  await until(() => changes === 2);
  writeFileSync(join(dev, 'ttyACM0'), '');
  renameSync(join(dev, 'ttyACM0'), join(dev, 'rpmsg_ctrl0'));
  await until(() => changes === 3);
  watch.close();
});

it('notices nothing else: other nodes, writes, or anything after its end', async () => {
  let changes = 0;
  writeFileSync(join(dev, 'rpmsg0'), '');
  const watch = watchRpmsg(() => changes++, places(dev));
  writeFileSync(join(dev, 'ttyRPMSG0'), 'x');
  writeFileSync(join(dev, 'rpmsg0'), 'a message');
  writeFileSync(join(dev, 'rpmsg1'), '');
  await until(() => changes > 0);
  expect(changes).toBe(1);
  watch.close();
  writeFileSync(join(dev, 'rpmsg2'), '');
  const again = watchRpmsg(() => (changes += 100), places(dev));
  writeFileSync(join(dev, 'rpmsg3'), '');
  await until(() => changes >= 100);
  expect(changes).toBe(101);
  again.close();
});

it('watches what it can where there is no such directory', () => {
  watchRpmsg(() => {}, places(join(dev, 'missing'))).close();
});

it('hears of channels that come or are let go, and not of those that go', () => {
  let changes = 0;
  const watch = watchRpmsg(() => changes++, places(dev));
  const tell = (action: string, subsystem: string) => {
    for (const heard of listeners) heard({ action, subsystem, path: '/devices/m4' });
  };
  for (const action of ['add', 'bind', 'unbind', 'remove']) tell(action, 'rpmsg');
  tell('add', 'usb');
  expect(changes).toBe(3);
  watch.close();
  expect(listeners.size).toBe(0);
});

it('watches the nodes where the kernel cannot be heard', async () => {
  let changes = 0;
  const deaf = (): never => {
    throw new Error('no such socket');
  };
  const watch = watchRpmsg(() => changes++, { dev, hearKernel: deaf });
  writeFileSync(join(dev, 'rpmsg0'), '');
  await until(() => changes > 0);
  watch.close();
});
