import { existsSync, readSync, statSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../test/contract/packet-link.js';
import { FrontEnd, INDIRECT_DESC, VERSION_1 } from '../../test/support/vhost-user/front-end.js';
import { VhostUserRig } from '../../test/support/vhost-user/rig.js';
import { u32, u64 } from '../wire/bytes.js';
import {
  configPayload,
  REQUEST,
  u64Payload,
  vringDescriptorPayload,
  vringStatePayload,
} from '../wire/vhost-user.js';

import { serveVhostUser } from './serve.js';

const WRITE = 2;
const bytes = (...values: number[]) => Uint8Array.from(values);

let rig: VhostUserRig;

beforeEach(async () => {
  rig = await VhostUserRig.make();
});

afterEach(async () => {
  expect(rig.memory.isIntact()).toBe(true);
  await rig.close();
});

/** Whether an eventfd was signalled since the last call. */
function isSignalled(fd: number): boolean {
  try {
    return readSync(fd, Buffer.alloc(8)) === 8;
  } catch {
    return false;
  }
}

/** Waits for the next buffers that come back on a queue. */
async function returned(queue: number, count = 1) {
  const found = rig.queues[queue]!.used();
  await until(() => {
    found.push(...rig.queues[queue]!.used());
    return found.length >= count;
  });
  return found;
}

describe('a vhost-user back end', () => {
  it('carries a buffer there and back, and interrupts the guest', async () => {
    await rig.connect();
    const head = rig.queues[0]!.add(bytes(1, 2, 3), 8);
    expect(await returned(0)).toEqual([{ head, bytes: bytes(3, 2, 1) }]);
    await until(() => rig.backend.counters.calls! >= 1);
    expect(rig.device.features).toBe(VERSION_1 | INDIRECT_DESC | 1n);
  });

  it('takes what waits when a queue is enabled, without a kick', async () => {
    const heads = [1, 2, 3].map((value) => rig.queues[0]!.add(bytes(value), 1, false));
    await rig.connect();
    expect((await returned(0, 3)).map(({ head }) => head)).toEqual(heads);
  });

  it('goes round the rings many times, with more buffers than a turn takes', async () => {
    await rig.connect();
    let done = 0;
    for (let round = 0; round < 400; round++) {
      for (let i = 0; i < 8; i++) rig.queues[0]!.add(bytes(round, i), 2, i === 7);
      const found = await returned(0, 8);
      expect(found.map(({ bytes: [i] }) => i)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
      done += found.length;
    }
    expect(done).toBe(3200);
  });

  it('does not interrupt a guest that wants none', async () => {
    await rig.connect();
    const before = rig.backend.counters.calls!;
    rig.queues[0]!.setNoInterrupt(true);
    rig.queues[0]!.add(bytes(1), 1);
    await returned(0);
    rig.queues[0]!.setNoInterrupt(false);
    rig.queues[0]!.add(bytes(2), 1);
    await returned(0);
    await until(() => rig.backend.counters.calls! > before);
    expect(rig.backend.counters.calls).toBe(before + 1);
  });

  it('reads and writes buffers in pieces, by an indirect table', async () => {
    await rig.connect();
    rig.memory.at(0x12_0000, 4).set([1, 2, 3, 4]);
    const head = rig.queues[0]!.addIndirect([
      { address: 0x12_0000, length: 1, flags: 1, next: 1 },
      { address: 0x12_0001, length: 3, flags: 1, next: 3 },
      { address: 0, length: 0, flags: 0, next: 0 },
      { address: 0x12_1000, length: 1, flags: 1 | WRITE, next: 4 },
      { address: 0x12_2000, length: 2, flags: 1 | WRITE, next: 5 },
      { address: 0x12_3000, length: 9, flags: WRITE, next: 0 },
    ]);
    expect(await returned(0)).toEqual([{ head, bytes: bytes(4, 3, 2, 1) }]);
  });

  it('reads and writes buffers that span regions', async () => {
    await rig.connect();
    rig.memory.at(0x13_fffe, 2).set([1, 2]);
    rig.memory.at(0x14_0000, 1).set([3]);
    rig.queues[0]!.put(14, { address: 0x13_fffe, length: 3, flags: 1, next: 15 });
    rig.queues[0]!.put(15, { address: 0x13_ffff, length: 3, flags: WRITE, next: 0 });
    rig.queues[0]!.offer(14, [
      { address: 0x13_ffff, length: 1 },
      { address: 0x14_0000, length: 2 },
    ]);
    expect(await returned(0)).toEqual([{ head: 14, bytes: bytes(3, 2, 1) }]);
  });

  it('cuts what the device returns to what the buffer takes', async () => {
    await rig.connect();
    rig.queues[0]!.add(bytes(1, 2, 3, 4), 2);
    expect((await returned(0))[0]!.bytes).toEqual(bytes(4, 3));
  });

  it('returns buffers in the order in which the device does', async () => {
    await rig.connect();
    const heads = [1, 2, 3].map((value) => rig.queues[1]!.add(bytes(value), 4));
    await until(() => rig.device.held.size === 3);
    for (const head of [heads[2]!, heads[0]!, heads[1]!]) rig.device.release(head, bytes(head));
    expect((await returned(1, 3)).map(({ head }) => head)).toEqual([heads[2], heads[0], heads[1]]);
  });

  it('ignores the return of a buffer that is not held, and counts it', async () => {
    await rig.connect();
    const head = rig.queues[1]!.add(bytes(1), 4);
    await until(() => rig.device.held.size === 1);
    rig.device.release(head, bytes(7));
    rig.device.release(head, bytes(8));
    rig.device.queues!.returnBuffer(1, 4711, bytes(9));
    rig.device.queues!.returnBuffer(9, 0, bytes(9));
    expect(await returned(1)).toEqual([{ head, bytes: bytes(7) }]);
    expect(rig.backend.counters.returns_ignored).toBe(2);
  });

  it('gives the configuration space, with zeros behind it', async () => {
    await rig.connect();
    const range = { offset: 8, size: 8, flags: 0 };
    const { payload } = await rig.front.ask(REQUEST.GET_CONFIG, configPayload(range, new Uint8Array(8)));
    expect(payload).toEqual(configPayload(range, bytes(9, 10, 11, 12, 0, 0, 0, 0)));
    const beyond = configPayload({ offset: 250, size: 8, flags: 0 }, new Uint8Array(8));
    expect((await rig.front.ask(REQUEST.GET_CONFIG, beyond)).payload).toHaveLength(0);
  });

  it('says what it can do', async () => {
    const front = new FrontEnd(rig.path);
    const ask = async (request: number) => u64((await front.ask(request)).payload, 0);
    expect(await ask(REQUEST.GET_FEATURES)).toBe(1n | (1n << 28n) | (1n << 30n) | (1n << 32n));
    expect(await ask(REQUEST.GET_QUEUE_NUM)).toBe(2n);
    expect(await ask(REQUEST.GET_PROTOCOL_FEATURES)).toBe(0x3209n);
    front.close();
  });

  it('refuses what it does not know, and goes on', async () => {
    await rig.connect();
    expect(await rig.front.confirm(99)).not.toBe(0n);
    expect(await rig.front.confirm(REQUEST.SET_CONFIG, new Uint8Array(20))).not.toBe(0n);
    rig.queues[0]!.add(bytes(1), 1);
    await returned(0);
    expect(rig.backend.counters.messages_refused).toBe(2);
  });

  it('interrupts by the call descriptor that was sent last', async () => {
    await rig.connect();
    const [queue, other] = rig.queues;
    expect(isSignalled(queue!.call.fd)).toBe(false);
    queue!.add(bytes(1), 1);
    await until(() => isSignalled(queue!.call.fd));
    expect(await rig.front.confirm(REQUEST.SET_VRING_CALL, u64Payload(0n), [other!.call.fd])).toBe(0n);
    queue!.add(bytes(2), 1);
    await until(() => isSignalled(other!.call.fd));
    expect(isSignalled(queue!.call.fd)).toBe(false);
  });

  it('interrupts a guest for what was returned before there was a call descriptor', async () => {
    await rig.connect();
    const [queue] = rig.queues;
    const without = vringDescriptorPayload({ index: 0, hasDescriptor: false });
    expect(await rig.front.confirm(REQUEST.SET_VRING_CALL, without)).toBe(0n);
    queue!.add(bytes(1), 1);
    await returned(0);
    expect(isSignalled(queue!.call.fd)).toBe(false);
    rig.front.tell(REQUEST.SET_VRING_CALL, u64Payload(0n), [queue!.call.fd]);
    await until(() => isSignalled(queue!.call.fd));
  });

  it('serves one hypervisor at a time: the next waits until the first is gone', async () => {
    await rig.connect();
    const second = new FrontEnd(rig.path);
    const features = second.ask(REQUEST.GET_FEATURES);
    rig.queues[0]!.add(bytes(1), 1);
    await returned(0);
    expect(rig.backend.counters.connections).toBe(1);
    rig.front.close();
    await features;
    expect(rig.backend.state).toMatchObject({ kind: 'connected', peer: { pid: process.pid } });
    second.close();
    await until(() => rig.backend.state.kind === 'waiting');
  });

  it('tells when a driver comes and goes', async () => {
    const kinds: string[] = [];
    rig.backend.state$.subscribe(({ kind }) => kinds.push(kind));
    await rig.connect();
    await rig.front.stopQueue(0);
    await rig.front.stopQueue(1);
    rig.front.close();
    await until(() => rig.backend.state.kind === 'waiting');
    await rig.backend.close();
    expect(kinds.filter((kind, i) => kind !== kinds[i - 1])).toEqual([
      'waiting',
      'connected',
      'running',
      'connected',
      'waiting',
      'closed',
    ]);
  });

  it('ends a connection on request, as an unplugged device, and takes the next', async () => {
    await rig.connect();
    rig.backend.disconnect();
    await until(() => rig.front.isHungUp);
    expect(rig.device.calls.at(-1)).toBe('reset');
    rig.bootGuest();
    await rig.connect();
    rig.queues[0]!.add(bytes(5), 1);
    await returned(0);
  });

  it('listens for its owner only, and takes its socket away at the end', async () => {
    expect(statSync(rig.path).mode & 0o777).toBe(0o600);
    await expect(serveVhostUser({ path: rig.path, device: rig.device })).rejects.toMatchObject({
      name: 'BUSY',
    });
    await rig.backend.close();
    expect(existsSync(rig.path)).toBe(false);
  });

  it('moves with the memory of the guest while queues run', async () => {
    await rig.connect();
    rig.queues[1]!.add(bytes(1), 4);
    await until(() => rig.device.held.size === 1);
    expect(await rig.front.setMemory(rig.memory)).toBe(0n);
    const [head] = rig.device.held.keys();
    rig.device.release(head!, bytes(3));
    expect((await returned(1))[0]!.bytes).toEqual(bytes(3));
    rig.queues[0]!.add(bytes(1), 1);
    await returned(0);
  });

  it('answers how far a queue got when it stops', async () => {
    await rig.connect();
    for (let i = 0; i < 3; i++) rig.queues[0]!.add(bytes(i), 1);
    await returned(0, 3);
    const { payload } = await rig.front.ask(
      REQUEST.GET_VRING_BASE,
      vringStatePayload({ index: 0, value: 0 }),
    );
    expect([u32(payload, 0), u32(payload, 4)]).toEqual([0, 3]);
    rig.queues[0]!.add(bytes(9), 1);
    await rig.front.ask(REQUEST.GET_FEATURES);
    expect(rig.device.taken).toBe(3);
  });
});
