import { readSync, statSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../../test/contract/packet-link.js';
import { VhostUserRig } from '../../test/support/vhost-user/rig.js';
import { isSealedAgainstShrinking } from '../linux/mapped-memory.js';
import { u64 } from '../wire/bytes.js';
import { inflightPayload, PROTOCOL_FEATURE, REQUEST, readInflight } from '../wire/vhost-user.js';

const bytes = (...values: number[]) => Uint8Array.from(values);

let rig: VhostUserRig;

afterEach(async () => {
  expect(rig.memory.isIntact()).toBe(true);
  await rig.close();
});

/** Three buffers that the device holds, and of two more one that it returned out of order. */
async function holdSome(): Promise<{ held: number[] }> {
  await rig.connect();
  rig.queues[0]!.add(bytes(9), 1);
  const heads = [1, 2, 3, 4, 5].map((value) => rig.queues[1]!.add(bytes(value), 4));
  await until(() => rig.device.held.size === 5 && rig.queues[0]!.used().length === 1);
  rig.device.release(heads[3]!, bytes(40));
  rig.device.release(heads[1]!, bytes(20));
  expect(rig.queues[1]!.used().map(({ head }) => head)).toEqual([heads[3], heads[1]]);
  return { held: [heads[0]!, heads[2]!, heads[4]!] };
}

/** As QEMU knows it when the back end is gone: what the ring says was returned. */
const usedIndices = () => rig.queues.map(({ seen }) => seen);

/** Everything that the guest waits for comes back exactly once: `DriverQueue.used` throws at a second time. */
async function returnAll(held: readonly number[]): Promise<void> {
  expect([...rig.device.held.keys()]).toEqual(held);
  for (const head of held) rig.device.release(head, bytes(head));
  const found = rig.queues[1]!.used();
  expect(found.map(({ head }) => head)).toEqual(held);
  expect(rig.queues[1]!.outstanding.size).toBe(0);
}

/** New buffers on both queues arrive. */
async function goesOn(): Promise<void> {
  const head = rig.queues[1]!.add(bytes(77), 1);
  rig.queues[0]!.add(bytes(5), 1);
  await until(() => rig.device.held.has(head) && rig.queues[0]!.used().length === 1);
  rig.device.release(head, bytes(1));
  expect(rig.queues[1]!.used()).toHaveLength(1);
}

describe('buffers that the device holds', () => {
  it('are offered again when a paused guest goes on, and the device keeps its state', async () => {
    rig = await VhostUserRig.make();
    const { held } = await holdSome();
    const bases = [await rig.front.stopQueue(0), await rig.front.stopQueue(1)];
    expect(bases).toEqual([1, 5]);
    expect(rig.device.held.size).toBe(0);
    await rig.front.startQueues(rig.queues, bases);
    expect(rig.device.calls).toEqual(['start', 'resetQueue 0', 'resetQueue 1']);
    await returnAll(held);
    await goesOn();
  });

  it('are offered again when the hypervisor comes back over another connection', async () => {
    rig = await VhostUserRig.make();
    const { held } = await holdSome();
    rig.device.driver!.kept.set([1, 2, 3]);
    rig.front.close();
    await until(() => rig.backend.state.kind === 'waiting');
    expect(rig.device.calls).toEqual(['start', 'reset']);
    await rig.connect(usedIndices());
    expect(rig.device.calls.at(-1)).toBe('resume');
    expect(rig.device.driver!.kept.subarray(0, 4)).toEqual(bytes(1, 2, 3, 0));
    expect(rig.backend.counters.buffers_resumed).toBe(3);
    await returnAll(held);
    await goesOn();
  });

  it('are offered again by the process that comes after, as the file tells', async () => {
    rig = await VhostUserRig.make({ record: true });
    const { held } = await holdSome();
    rig.device.driver!.kept.set([4, 5, 6]);
    await rig.backend.close();
    await rig.startBackend(true);
    for (const { call } of rig.queues) readSync(call.fd, Buffer.alloc(8));
    await rig.connect(usedIndices());
    // Who died may have done so before it said what it had returned.
    for (const { call } of rig.queues) expect(readSync(call.fd, Buffer.alloc(8))).toBe(8);
    expect(rig.device.calls).toEqual(['resume']);
    expect(rig.device.driver!.kept.subarray(0, 3)).toEqual(bytes(4, 5, 6));
    await returnAll(held);
    await goesOn();
  });

  it('are returned while the guest offers more, again and again over ten lives', async () => {
    rig = await VhostUserRig.make({ record: true });
    await rig.connect();
    for (let life = 0; life < 10; life++) {
      const queue = rig.queues[1]!;
      while (queue.outstanding.size < 12) queue.add(bytes(), 4);
      await until(() => rig.device.held.size === 12);
      const heads = [...rig.device.held.keys()];
      for (const [i, head] of heads.entries())
        if ((i * 7 + life) % 3 === 0) rig.device.release(head, bytes(1));
      queue.used();
      const expected = [...queue.outstanding.keys()].sort((a, b) => a - b);
      await rig.backend.close();
      // Some more are offered while nobody is there.
      expected.push(queue.add(bytes(), 4, false));
      await rig.startBackend(true);
      await rig.connect(usedIndices());
      await until(() => rig.device.held.size === expected.length);
      expect([...rig.device.held.keys()].sort((a, b) => a - b)).toEqual(expected.sort((a, b) => a - b));
    }
  });

  it('come again from where the ring stands, where nobody recorded anything', async () => {
    rig = await VhostUserRig.make();
    await rig.connect();
    const heads = [1, 2, 3].map((value) => rig.queues[1]!.add(bytes(value), 4));
    await until(() => rig.device.held.size === 3);
    rig.device.release(heads[0]!, bytes(1));
    expect(rig.queues[1]!.used()).toHaveLength(1);
    await rig.backend.close();
    await rig.startBackend(false);
    // The other queue was never used: that it is at its beginning says nothing of the driver.
    await rig.connect(usedIndices());
    expect(rig.device.calls).toEqual(['resume']);
    await returnAll(heads.slice(1));
    await goesOn();
  });

  it('are those of the record that the front end keeps, where it does', async () => {
    rig = await VhostUserRig.make();
    rig.useInflightMemory();
    const { held } = await holdSome();
    await rig.backend.close();
    await rig.startBackend(false);
    await rig.connect(usedIndices());
    expect(rig.device.calls).toEqual(['resume']);
    await returnAll(held);
    await goesOn();
  });

  it('are those of its record where the front end keeps one, and the rest is in the file', async () => {
    rig = await VhostUserRig.make({ record: true });
    rig.useInflightMemory();
    const { held } = await holdSome();
    rig.device.driver!.kept.set([7, 8]);
    await rig.backend.close();
    await rig.startBackend(true);
    await rig.connect(usedIndices());
    expect(rig.device.calls).toEqual(['resume']);
    expect(rig.device.driver!.kept.subarray(0, 3)).toEqual(bytes(7, 8, 0));
    await returnAll(held);
  });
});

describe('a driver that begins anew', () => {
  it('in the same guest finds a device that was reset', async () => {
    rig = await VhostUserRig.make({ record: true });
    await holdSome();
    rig.device.driver!.kept.set([1]);
    await rig.front.stopQueue(0);
    await rig.front.stopQueue(1);
    for (const queue of rig.queues) queue.reset();
    await rig.front.startQueues(rig.queues);
    expect(rig.device.calls.slice(-2)).toEqual(['reset', 'start']);
    expect(rig.device.held.size).toBe(0);
    expect(rig.device.driver!.kept[0]).toBe(0);
    await goesOn();
  });

  it('after a death of ours, in the same memory at the same addresses, is no driver of before', async () => {
    rig = await VhostUserRig.make({ record: true });
    await holdSome();
    await rig.backend.close();
    for (const queue of rig.queues) queue.reset();
    await rig.startBackend(true);
    await rig.connect([0, 0]);
    expect(rig.device.calls).toEqual(['start']);
    expect(rig.device.held.size).toBe(0);
    await goesOn();
  });

  it('in another virtual machine is none of before, though its rings stand where those stood', async () => {
    rig = await VhostUserRig.make({ record: true });
    await holdSome();
    await rig.backend.close();
    rig.bootGuest();
    const queue = rig.queues[1]!;
    for (let i = 0; i < 5; i++) queue.add(bytes(i), 4, false);
    await rig.startBackend(true);
    await rig.connect();
    expect(rig.device.calls).toEqual(['start']);
    expect(rig.device.held.size).toBe(5);
    expect(rig.device.driver!.kept.every((byte) => byte === 0)).toBe(true);
    await goesOn();
  });

  it('finds a device that was reset, when the front end said so', async () => {
    rig = await VhostUserRig.make({ record: true });
    await holdSome();
    expect(await rig.front.confirm(REQUEST.RESET_DEVICE)).toBe(0n);
    expect(rig.device.calls.at(-1)).toBe('reset');
    for (const queue of rig.queues) queue.reset();
    await rig.front.startQueues(rig.queues);
    expect(rig.device.calls.at(-1)).toBe('start');
    await goesOn();
  });
});

describe('the record in a file', () => {
  it('has its room on the disk from the start', async () => {
    rig = await VhostUserRig.make({ record: true });
    const { size, blocks } = statSync(rig.recordFile);
    expect(size).toBeGreaterThan(4096);
    // Else a full file system would end the process when a page of it is used for the first time.
    expect(512 * blocks).toBeGreaterThanOrEqual(size);
  });
});

describe('the record of a front end', () => {
  it('is made as large as it asks for, and refused where it cannot be', async () => {
    rig = await VhostUserRig.make();
    await rig.connect();
    const asked = { mmapSize: 0n, mmapOffset: 0n, queueCount: 2, queueSize: 256 };
    const { payload, descriptors } = await rig.front.ask(REQUEST.GET_INFLIGHT_FD, inflightPayload(asked));
    expect(readInflight(payload)).toMatchObject({ mmapSize: 8320n, queueCount: 2, queueSize: 256 });
    expect(descriptors).toHaveLength(1);
    rig.closeLater(descriptors[0]!);
    expect(isSealedAgainstShrinking(descriptors[0]!)).toBe(true);
    const features = await rig.front.ask(REQUEST.GET_PROTOCOL_FEATURES);
    expect(u64(features.payload, 0) & (1n << BigInt(PROTOCOL_FEATURE.INFLIGHT_SHMFD))).not.toBe(0n);
  });
});
