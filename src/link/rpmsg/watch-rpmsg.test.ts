import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { until } from '../../../test/contract/packet-link.js';
import { watchRpmsg } from './watch-rpmsg.js';

let dev: string;

beforeEach(() => {
  dev = mkdtempSync(join(tmpdir(), 'gpiobridge-dev-'));
});
afterEach(() => {
  rmSync(dev, { recursive: true });
});

it('notices nodes that appear, and that others may open now', async () => {
  let changes = 0;
  const watch = watchRpmsg(() => changes++, dev);
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
  const watch = watchRpmsg(() => changes++, dev);
  writeFileSync(join(dev, 'ttyRPMSG0'), 'x');
  writeFileSync(join(dev, 'rpmsg0'), 'a message');
  writeFileSync(join(dev, 'rpmsg1'), '');
  await until(() => changes > 0);
  expect(changes).toBe(1);
  watch.close();
  writeFileSync(join(dev, 'rpmsg2'), '');
  const again = watchRpmsg(() => (changes += 100), dev);
  writeFileSync(join(dev, 'rpmsg3'), '');
  await until(() => changes >= 100);
  expect(changes).toBe(101);
  again.close();
});

it('watches what it can where there is no such directory', () => {
  watchRpmsg(() => {}, join(dev, 'missing')).close();
});
