import { readSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../test/contract/packet-link.js';
import type { DriverQueue, RawDescriptor } from '../../test/support/vhost-user/driver-queue.js';
import { VERSION_1 } from '../../test/support/vhost-user/front-end.js';
import { VhostUserRig } from '../../test/support/vhost-user/rig.js';

const NEXT = 1;
const WRITE = 2;
const INDIRECT = 4;
const INSIDE = 0x12_0000;
/** Behind the second region, where nothing is. */
const OUTSIDE = 0x18_0000;

const bytes = (...values: number[]) => Uint8Array.from(values);

let rig: VhostUserRig;
let queue: DriverQueue;

beforeEach(async () => {
  rig = await VhostUserRig.make();
  queue = rig.queues[0]!;
});

afterEach(async () => {
  expect(rig.memory.isIntact()).toBe(true);
  await rig.close();
});

/** Queue 0 broke for this reason and said so; queue 1 and the connection live. */
async function breaksFor(reason: RegExp, used = 0): Promise<void> {
  await until(() => rig.problems.length > 0);
  expect(rig.problems).toEqual([{ queue: 0, reason: expect.stringMatching(reason) }]);
  expect(readSync(queue.error.fd, Buffer.alloc(8))).toBe(8);
  expect(queue.used()).toHaveLength(used);
  const head = rig.queues[1]!.add(bytes(1), 1);
  await until(() => rig.device.held.has(head));
  rig.device.release(head, bytes(1));
  expect(rig.queues[1]!.used()).toHaveLength(1);
  const taken = rig.device.taken;
  queue.kick.signal();
  await rig.front.ask(1);
  expect(rig.device.taken).toBe(taken);
}

interface Chain {
  readonly name: string;
  readonly descriptors: Readonly<Record<number, RawDescriptor>>;
  readonly reason: RegExp;
}

const readable = (address: number | bigint, length: number, next?: number): RawDescriptor => ({
  address,
  length,
  flags: next === undefined ? 0 : NEXT,
  next: next ?? 0,
});
const writable = (address: number | bigint, length: number, next?: number): RawDescriptor => ({
  address,
  length,
  flags: WRITE | (next === undefined ? 0 : NEXT),
  next: next ?? 0,
});

const CHAINS: readonly Chain[] = [
  {
    name: 'reads outside memory',
    descriptors: { 0: readable(OUTSIDE, 4) },
    reason: /0x180000 .*not in guest/,
  },
  {
    name: 'writes outside memory',
    descriptors: { 0: writable(OUTSIDE, 4) },
    reason: /0x180000 .*not in guest/,
  },
  { name: 'begins before memory', descriptors: { 0: readable(0xf_ffff, 2) }, reason: /not in guest memory/ },
  { name: 'ends behind memory', descriptors: { 0: writable(OUTSIDE - 1, 2) }, reason: /not in guest memory/ },
  {
    name: 'wraps around 2^64',
    descriptors: { 0: writable(2n ** 64n - 8n, 16) },
    reason: /not in guest memory/,
  },
  { name: 'is 4 GiB long', descriptors: { 0: writable(INSIDE, 0xffff_ffff) }, reason: /not in guest memory/ },
  {
    name: 'reads more than 64 KiB',
    descriptors: { 0: readable(0x10_0000, 65_537) },
    reason: /more than 65536/,
  },
  { name: 'names no descriptor', descriptors: { 0: readable(INSIDE, 1, 16) }, reason: /descriptor 16 of 16/ },
  {
    name: 'is a loop',
    descriptors: { 0: readable(INSIDE, 1, 1), 1: readable(INSIDE, 1, 0) },
    reason: /a loop/,
  },
  {
    name: 'is a loop of writes',
    descriptors: { 0: writable(INSIDE, 1, 0) },
    reason: /a loop/,
  },
  {
    name: 'reads behind a write',
    descriptors: { 0: writable(INSIDE, 1, 1), 1: readable(INSIDE, 1) },
    reason: /readable descriptor behind/,
  },
  {
    name: 'has an indirect table that is cut',
    descriptors: { 0: { address: INSIDE, length: 17, flags: INDIRECT, next: 0 } },
    reason: /indirect table of 17 bytes/,
  },
  {
    name: 'has an empty indirect table',
    descriptors: { 0: { address: INSIDE, length: 0, flags: INDIRECT, next: 0 } },
    reason: /indirect table of 0 bytes/,
  },
  {
    name: 'has an indirect table without end',
    descriptors: { 0: { address: INSIDE, length: 0xffff_fff0, flags: INDIRECT, next: 0 } },
    reason: /indirect table of/,
  },
  {
    name: 'has an indirect table outside memory',
    descriptors: { 0: { address: OUTSIDE, length: 16, flags: INDIRECT, next: 0 } },
    reason: /indirect table at 0x180000/,
  },
  {
    name: 'goes on behind an indirect table',
    descriptors: { 0: { address: INSIDE, length: 16, flags: INDIRECT | NEXT, next: 1 } },
    reason: /indirect descriptor with a next/,
  },
];

describe('a guest that breaks a queue', () => {
  it.each(CHAINS)('by a buffer that $name', async ({ descriptors, reason }) => {
    await rig.connect();
    for (const [index, descriptor] of Object.entries(descriptors)) queue.put(Number(index), descriptor);
    queue.offer(0);
    await breaksFor(reason);
  });

  it('by an indirect table within an indirect table', async () => {
    await rig.connect();
    queue.addIndirect([{ address: INSIDE, length: 16, flags: INDIRECT, next: 0 }]);
    await breaksFor(/inside an indirect table/);
  });

  it('by an indirect table that was not negotiated', async () => {
    await rig.connect([], VERSION_1);
    queue.addIndirect([{ address: INSIDE, length: 1, flags: 0, next: 0 }]);
    await breaksFor(/was not negotiated/);
  });

  it('by an available index that is too far', async () => {
    await rig.connect();
    rig.memory.view(queue.availableAt, 4).setUint16(2, 17, true);
    queue.kick.signal();
    await breaksFor(/17 buffers are said to be available, of 16/);
  });

  it('by a head that does not exist', async () => {
    await rig.connect();
    queue.add(bytes(1), 1, false);
    queue.offer(0xffff);
    await breaksFor(/descriptor 65535 does not exist/, 1);
  });

  it('by offering what the device holds', async () => {
    await rig.connect();
    const other = rig.queues[1]!;
    const head = other.add(bytes(1), 4);
    await until(() => rig.device.held.has(head));
    other.offer(head);
    await until(() => rig.problems.length > 0);
    expect(rig.problems[0]).toEqual({
      queue: 1,
      reason: `descriptor ${head} is offered while the device holds it`,
    });
    expect(rig.device.calls).toContain('resetQueue 1');
  });

  it('may start it again', async () => {
    await rig.connect();
    queue.offer(0xffff);
    await until(() => rig.problems.length > 0);
    const base = await rig.front.stopQueue(0);
    rig.queues[0]!.reset();
    await rig.front.stopQueue(1);
    rig.queues[1]!.reset();
    expect(base).toBe(0);
    await rig.front.startQueues(rig.queues);
    queue.add(bytes(3), 1);
    await until(() => queue.used().length === 1);
  });
});
