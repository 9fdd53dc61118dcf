import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LinkListener } from '../../src/link/listener.js';
import type { PacketLink } from '../../src/link/packet-link.js';
import { systemTime } from '../../src/linux/clock.js';
import { until } from '../../test/contract/packet-link.js';
import { RpmsgKernel } from '../../test/support/vhost-user/rpmsg-kernel.js';
import { SimulatedCoprocessor } from '../coprocessor.js';
import { listenRemoteProcessor } from './listen.js';

const bytes = (...values: number[]) => Uint8Array.from(values);
const RAW = 1024;
const HUB = 1025;

let folder: string;
let kernel: RpmsgKernel;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gpiobridge-rp-'));
  kernel = new RpmsgKernel(join(folder, 'rpmsg'));
});

afterEach(() => {
  expect(kernel.isIntact).toBe(true);
  kernel.close();
  rmSync(folder, { recursive: true });
});

describe('a remote processor', () => {
  let listener: LinkListener;
  let links: PacketLink[];
  let received: Uint8Array[];

  beforeEach(async () => {
    listener = await listenRemoteProcessor(
      `vhost-user-rpmsg:${join(folder, 'rpmsg')}`,
      ['rpmsg-raw', 'hub'],
      systemTime,
    );
    links = [];
    received = [];
    listener.links$.subscribe((link) => {
      links.push(link);
      link.packets$.subscribe(({ packets }) => received.push(...packets));
    });
  });

  afterEach(() => listener.close());

  it('announces its services to a kernel that probes it', async () => {
    await kernel.probe();
    await kernel.until(() => kernel.heard.length === 2);
    expect(kernel.heard).toEqual([`+rpmsg-raw@${RAW}`, `+hub@${HUB}`]);
  });

  it('is a link from the first message of an endpoint on, in both directions', async () => {
    await kernel.probe();
    kernel.send(2000, HUB, bytes(1, 2, 3));
    await kernel.until(() => received.length === 1);
    expect(received).toEqual([bytes(1, 2, 3)]);
    expect(links[0]!.name).toBe('rpmsg:hub');
    expect(links[0]!.maxPacket).toBe(496);
    await links[0]!.send(new Uint8Array(496).fill(7));
    await links[0]!.send(new Uint8Array(0));
    await kernel.until(() => kernel.messages.length === 2);
    expect(kernel.messages[0]).toMatchObject({ source: HUB, destination: 2000 });
    expect(kernel.messages.map(({ payload }) => payload.length)).toEqual([496, 0]);
    await expect(links[0]!.send(new Uint8Array(497))).rejects.toMatchObject({ name: 'INVALID_ARGUMENT' });
  });

  it('talks to whoever wrote last', async () => {
    await kernel.probe();
    kernel.send(2000, RAW, bytes(1));
    await kernel.until(() => links.length === 1);
    kernel.send(2001, RAW, bytes(2));
    await kernel.until(() => links.length === 2);
    expect(links[0]!.state).toMatchObject({ kind: 'down', cause: 'gone' });
    await links[1]!.send(bytes(9));
    await kernel.until(() => kernel.messages.length === 1);
    expect(kernel.messages[0]!.destination).toBe(2001);
  });

  it('keeps packets back while the kernel gives no buffers, and rejects instead of queueing without bound', async () => {
    await kernel.probe();
    kernel.send(2000, RAW, bytes(1));
    await until(() => links.length === 1);
    const [link] = links;
    // Two of the 64 buffers went to the announcements.
    expect(link!.room).toBe(62);
    const outcomes = Array.from({ length: 400 }, (_, i) =>
      link!.send(bytes(i, i >> 8)).then(
        () => 'sent',
        (error: Error) => error.name,
      ),
    );
    expect(link!.room).toBe(0);
    const made = new Promise<void>((resolve) => void link!.room$.subscribe(() => resolve()));
    await kernel.until(() => kernel.messages.length === 62 + 256);
    await made;
    const results = await Promise.all(outcomes);
    expect(results.filter((result) => result === 'sent')).toHaveLength(62 + 256);
    expect(results.filter((result) => result === 'QUEUE_FULL')).toHaveLength(400 - 62 - 256);
    expect(kernel.messages.map(({ payload }) => payload[0]! | (payload[1]! << 8))).toEqual(
      Array.from({ length: 318 }, (_, i) => i),
    );
  });

  it('drops messages that are cut, and those to nobody', async () => {
    await kernel.probe();
    kernel.sendRaw(bytes(1, 2, 3));
    const tooLong = new Uint8Array(20);
    tooLong[12] = 5;
    kernel.sendRaw(tooLong);
    kernel.send(2000, 53, new Uint8Array(40));
    kernel.send(2000, 1026, bytes(1));
    kernel.send(2000, RAW, bytes(4));
    await until(() => received.length === 1);
    expect(received).toEqual([bytes(4)]);
    expect(links).toHaveLength(1);
  });

  it('goes out of service and comes back, on one connection', async () => {
    await kernel.probe();
    kernel.send(2000, RAW, bytes(1));
    await kernel.until(() => links.length === 1);
    listener.withdraw!();
    expect(links[0]!.state.kind).toBe('down');
    kernel.send(2000, RAW, bytes(2));
    await kernel.until(() => kernel.heard.length === 4);
    listener.offer!();
    await kernel.until(() => kernel.heard.length === 6);
    expect(kernel.heard.slice(2)).toEqual([
      `-rpmsg-raw@${RAW}`,
      `-hub@${HUB}`,
      `+rpmsg-raw@${RAW}`,
      `+hub@${HUB}`,
    ]);
    expect(received).toEqual([bytes(1)]);
    expect(kernel.isHungUp).toBe(false);
  });

  it('takes its services away at the end', async () => {
    await kernel.probe();
    await kernel.until(() => kernel.heard.length === 2);
    await listener.close();
    await kernel.until(() => kernel.isHungUp);
    expect(kernel.heard.slice(2)).toEqual([`-rpmsg-raw@${RAW}`, `-hub@${HUB}`]);
  });
});

describe('a simulated coprocessor behind it', () => {
  it('announces itself anew when its firmware restarts', async () => {
    const coprocessor = new SimulatedCoprocessor();
    await coprocessor.listen(`vhost-user-rpmsg:${join(folder, 'rpmsg')}`);
    await kernel.probe();
    kernel.send(2000, RAW, bytes(0));
    await kernel.until(() => coprocessor.stats().wire.messages_received === 1);
    coprocessor.reboot();
    await kernel.until(() => kernel.heard.length === 3);
    expect(kernel.heard).toEqual([`+rpmsg-raw@${RAW}`, `-rpmsg-raw@${RAW}`, `+rpmsg-raw@${RAW}`]);
    await coprocessor.close();
  });

  it('tells a kernel that outlived it that what it knew is gone', async () => {
    const url = `vhost-user-rpmsg:${join(folder, 'rpmsg')}`;
    const first = new SimulatedCoprocessor();
    await first.listen(url);
    await kernel.probe();
    await kernel.until(() => kernel.heard.length === 1);
    kernel.disconnect();
    await first.close();
    const second = new SimulatedCoprocessor();
    await second.listen(url);
    kernel.take();
    await kernel.probe(kernel.bases);
    await kernel.until(() => kernel.heard.length >= 3);
    expect(kernel.heard.slice(-2)).toEqual([`-rpmsg-raw@${RAW}`, `+rpmsg-raw@${RAW}`]);
    await second.close();
  });

  it.each([
    ['', /1 to 31 printable/],
    ['a b', /1 to 31 printable/],
    ['x'.repeat(32), /1 to 31 printable/],
  ])('has no service called %j', (name, message) => {
    expect(() => new SimulatedCoprocessor({ services: [name] })).toThrow(message);
  });

  it('has each service once', () => {
    expect(() => new SimulatedCoprocessor({ services: ['a', 'a'] })).toThrow(/'a' is given twice/);
  });
});
