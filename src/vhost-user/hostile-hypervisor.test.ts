import { closeSync, openSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../test/contract/packet-link.js';
import { FrontEnd } from '../../test/support/vhost-user/front-end.js';
import { VhostUserRig } from '../../test/support/vhost-user/rig.js';
import { createSharedMemory } from '../linux/mapped-memory.js';
import {
  inflightPayload,
  type MemoryRegion,
  memoryTablePayload,
  REQUEST,
  u64Payload,
  vringDescriptorPayload,
  vringStatePayload,
} from '../wire/vhost-user.js';

const GOOD: MemoryRegion = {
  guestAddress: 0n,
  size: 0x1000n,
  userAddress: 0x7f00_0000_0000n,
  mmapOffset: 0n,
};

let rig: VhostUserRig;
let file: number;

beforeEach(async () => {
  rig = await VhostUserRig.make();
  file = createSharedMemory('regions', 0x4000);
});

afterEach(async () => {
  closeSync(file);
  await rig.close();
});

/** The message is refused with a word to the front end, and ends the connection for this reason; the next is served. */
async function endsFor(
  reason: RegExp,
  request: number,
  payload: Uint8Array,
  descriptors: readonly number[] = [],
): Promise<void> {
  expect(await rig.front.confirm(request, payload, descriptors)).toBe(1n);
  await until(() => rig.front.isHungUp && rig.backend.state.kind === 'waiting');
  expect(rig.problems).toEqual([{ queue: undefined, reason: expect.stringMatching(reason) }]);
  expect(rig.backend.counters.violations).toBe(1);
  rig.bootGuest();
  await rig.connect();
  rig.queues[0]!.add(Uint8Array.of(1), 1);
  await until(() => rig.queues[0]!.used().length === 1);
}

describe('a hypervisor that breaks the protocol', () => {
  it.each<[string, readonly MemoryRegion[], RegExp]>([
    ['is empty', [{ ...GOOD, size: 0n }], /at 0x0 is empty/],
    ['is longer than its file', [{ ...GOOD, size: 0x5000n }], /longer than its file/],
    ['begins behind its file', [{ ...GOOD, mmapOffset: 0x4000n }], /longer than its file/],
    ['is not aligned', [{ ...GOOD, mmapOffset: 8n }], /not aligned in its file/],
    ['ends beyond every address', [{ ...GOOD, guestAddress: 2n ** 64n - 0x1000n }], /beyond every address/],
    ['overlaps another', [GOOD, { ...GOOD, guestAddress: 0x800n, userAddress: 0n }], /overlaps another/],
    ['overlaps another where it sees it', [GOOD, { ...GOOD, guestAddress: 0x8000n }], /overlaps another/],
  ])('by memory that %s', async (_what, regions, reason) => {
    await rig.connect();
    const fds = regions.map(() => file);
    await endsFor(reason, REQUEST.SET_MEM_TABLE, memoryTablePayload(regions), fds);
  });

  it('by memory without its file', async () => {
    await rig.connect();
    await endsFor(/1 memory regions came with 0 files/, REQUEST.SET_MEM_TABLE, memoryTablePayload([GOOD]));
  });

  it('by memory that is no file', async () => {
    await rig.connect();
    const device = openSync('/dev/null', 'r+');
    await endsFor(/something else than a file/, REQUEST.SET_MEM_TABLE, memoryTablePayload([GOOD]), [device]);
    closeSync(device);
  });

  it('by memory without the rings that run', async () => {
    await rig.connect();
    await endsFor(/not inside one memory region/, REQUEST.SET_MEM_TABLE, memoryTablePayload([GOOD]), [file]);
  });

  it('by a kick descriptor that is none', async () => {
    await rig.connect();
    const payload = vringDescriptorPayload({ index: 0, hasDescriptor: true });
    await endsFor(/EINVAL.*eventfd/, REQUEST.SET_VRING_KICK, payload, [file]);
  });

  it.each<[string, number, Uint8Array, RegExp]>([
    [
      'a queue that is not there',
      REQUEST.SET_VRING_NUM,
      vringStatePayload({ index: 2, value: 16 }),
      /queue 2 of 2/,
    ],
    [
      'a size that is no power of 2',
      REQUEST.SET_VRING_NUM,
      vringStatePayload({ index: 0, value: 15 }),
      /15 buffers/,
    ],
    [
      'too large a queue',
      REQUEST.SET_VRING_NUM,
      vringStatePayload({ index: 0, value: 512 }),
      /512 buffers: at most 256/,
    ],
    [
      'another size while it runs',
      REQUEST.SET_VRING_NUM,
      vringStatePayload({ index: 0, value: 8 }),
      /while it runs/,
    ],
    [
      'another base while it runs',
      REQUEST.SET_VRING_BASE,
      vringStatePayload({ index: 0, value: 8 }),
      /while it runs/,
    ],
    ['features that were not offered', REQUEST.SET_FEATURES, u64Payload(1n << 29n), /were not offered/],
    [
      'a queue to poll',
      REQUEST.SET_VRING_KICK,
      vringDescriptorPayload({ index: 0, hasDescriptor: false }),
      /polled/,
    ],
    ['a message that is cut', REQUEST.SET_VRING_ADDR, new Uint8Array(39), /message 9 is cut/],
    [
      'too large a record',
      REQUEST.GET_INFLIGHT_FD,
      inflightPayload({ mmapSize: 0n, mmapOffset: 0n, queueCount: 3, queueSize: 16 }),
      /3 queues/,
    ],
  ])('by %s', async (_what, request, payload, reason) => {
    await rig.connect();
    await endsFor(reason, request, payload);
  });

  it('by a record of what is in flight that is shorter than it says', async () => {
    await rig.connect();
    await rig.front.stopQueue(0);
    await rig.front.stopQueue(1);
    const record = { mmapSize: 0x8000n, mmapOffset: 0n, queueCount: 2, queueSize: 256 };
    await endsFor(/longer than its file/, REQUEST.SET_INFLIGHT_FD, inflightPayload(record), [file]);
  });

  it('by bytes that are no message, or half of one', async () => {
    const front = new FrontEnd(rig.path);
    front.raw(new Uint8Array(12));
    await until(() => front.isHungUp);
    front.close();
    const other = new FrontEnd(rig.path);
    other.raw(new Uint8Array([1, 0, 0]));
    await until(() => rig.backend.counters.connections === 2);
    other.close();
    await until(() => rig.problems.length === 2);
    expect(rig.problems.map(({ reason }) => reason)).toEqual([
      'message 0 has version 0',
      'it hung up within a message',
    ]);
  });

  it('by a queue before there is memory', async () => {
    const front = new FrontEnd(rig.path);
    rig.front = front;
    await front.negotiate(1n << 32n);
    await expect(front.startQueues(rig.queues)).rejects.toThrow();
    await until(() => rig.problems.length === 1);
    expect(rig.problems[0]!.reason).toBe('a queue starts before there is memory');
  });
});
