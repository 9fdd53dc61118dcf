import { closeSync, fstatSync, ftruncateSync, openSync, writeFileSync } from 'node:fs';
import { BridgeError, messageOf } from '../../base/errors.js';
import { MappedMemory } from '../../linux/mapped-memory.js';
import type { VringAddresses } from '../../wire/vhost-user.js';
import type { MemoryIdentity } from '../memory/guest-memory.js';
import { InflightQueue, inflightLength } from './inflight-queue.js';

/** What a record belongs to: buffers of another driver, guest or boot of the host mean nothing. */
export interface RingIdentity {
  readonly memory: MemoryIdentity;
  readonly addresses: VringAddresses;
  readonly size: number;
}

export interface DeviceRecordOptions {
  readonly queueSizes: readonly number[];
  readonly keptLength: number;
  /** 16 bytes that differ for every boot of the host: inodes of memory are only unique within one. */
  readonly bootId: Uint8Array;
}

/** `GBVR`, and the version of this layout. */
const MAGIC = 0x52564247;
const VERSION = 1;
/** magic, version, queues, kept bytes: 4 x u32; boot id: 16 bytes; features u64; in use u32. */
const HEAD = 64;
const BOOT_ID_AT = 16;
const FEATURES_AT = 32;
const IN_USE_AT = 40;
/** Of each queue: memory device and inode, three addresses: 5 x u64; size, stopped, base: 3 x u32. */
const QUEUE_HEAD = 64;
const QUEUE_SIZE_AT = 40;
const QUEUE_STOPPED_AT = 44;
const QUEUE_BASE_AT = 48;

/**
 * All that a back end knows of a driver which goes on when this process does not: the features, which
 * rings, the buffers held, and what the device model wanted kept. In a file that is mapped, so that it
 * needs no writing to survive; or, without a file, in memory, which survives a lost connection.
 */
export class DeviceRecord {
  readonly kept: Uint8Array;
  private readonly inflight: readonly InflightQueue[];
  private readonly head: DataView;
  private readonly memory: MappedMemory | undefined;

  /** Opens or makes `file`, readable for its owner only. Throws IO_ERROR. */
  constructor(file: string | undefined, options: DeviceRecordOptions) {
    const { queueSizes, keptLength, bootId } = options;
    const inflightAt = HEAD + QUEUE_HEAD * queueSizes.length;
    const inflightBytes = queueSizes.reduce((sum, size) => sum + inflightLength(size), 0);
    const keptAt = inflightAt + inflightBytes;
    const length = keptAt + keptLength;
    this.memory = file === undefined ? undefined : openRecord(file, length);
    const bytes = this.memory?.view(0, length) ?? new ArrayBuffer(length);
    this.head = new DataView(bytes, 0, inflightAt);
    if (!this.isOf(options)) this.format(new Uint8Array(bytes), options);
    this.kept = new Uint8Array(bytes, keptAt, keptLength);
    let at = inflightAt;
    this.inflight = queueSizes.map((size) => {
      const queue = new InflightQueue(bytes, at, size);
      at += inflightLength(size);
      return queue;
    });
    new Uint8Array(bytes, BOOT_ID_AT, bootId.length).set(bootId);
  }

  queue(index: number): InflightQueue {
    return this.inflight[index]!;
  }

  /** Whether the record is of a driver that negotiated these features. */
  isOfDriver(features: bigint): boolean {
    return (
      this.head.getUint32(IN_USE_AT, true) === 1 && this.head.getBigUint64(FEATURES_AT, true) === features
    );
  }

  /** Whether the record of a queue is of this ring, wherever it stands. */
  isOfRing(ring: RingIdentity): boolean {
    const at = this.queueHead(ring.addresses.index);
    const { head } = this;
    return (
      identityWords(ring).every((word, i) => head.getBigUint64(at + 8 * i, true) === word) &&
      head.getUint32(at + QUEUE_SIZE_AT, true) === ring.size
    );
  }

  /** Whether a ring which the record is of starts at `base` where it was left, `held` buffers beyond `usedIndex`. */
  fitsBase(queue: number, base: number, usedIndex: number, held: number): boolean {
    const at = this.queueHead(queue);
    const all = (usedIndex + held) & 0xffff;
    if (this.head.getUint32(at + QUEUE_STOPPED_AT, true) === 1) {
      return this.head.getUint32(at + QUEUE_BASE_AT, true) === base && base === all;
    }
    // After a death of ours the hypervisor knows no better than the ring itself.
    return base === usedIndex || base === all;
  }

  /** A driver begins: nothing of before holds. */
  beginDriver(features: bigint): void {
    this.forget();
    this.head.setBigUint64(FEATURES_AT, features, true);
    this.head.setUint32(IN_USE_AT, 1, true);
  }

  beginRing(ring: RingIdentity): void {
    const at = this.queueHead(ring.addresses.index);
    for (const [i, word] of identityWords(ring).entries()) this.head.setBigUint64(at + 8 * i, word, true);
    this.head.setUint32(at + QUEUE_SIZE_AT, ring.size, true);
    this.head.setUint32(at + QUEUE_STOPPED_AT, 0, true);
  }

  /** The hypervisor stopped the ring and was told `base`. */
  stopRing(index: number, base: number): void {
    const at = this.queueHead(index);
    this.head.setUint32(at + QUEUE_BASE_AT, base, true);
    this.head.setUint32(at + QUEUE_STOPPED_AT, 1, true);
  }

  /** There is no driver. */
  forget(): void {
    this.head.setUint32(IN_USE_AT, 0, true);
    for (const [i, queue] of this.inflight.entries()) {
      queue.clear(0);
      this.head.setUint32(this.queueHead(i) + QUEUE_SIZE_AT, 0, true);
    }
    this.kept.fill(0);
  }

  close(): void {
    for (const queue of this.inflight) queue.drop();
    this.memory?.unmap();
  }

  private queueHead(index: number): number {
    return HEAD + QUEUE_HEAD * index;
  }

  private isOf({ queueSizes, keptLength, bootId }: DeviceRecordOptions): boolean {
    const words = [MAGIC, VERSION, queueSizes.length, keptLength];
    return (
      words.every((word, i) => this.head.getUint32(4 * i, true) === word) &&
      bootId.every((byte, i) => this.head.getUint8(BOOT_ID_AT + i) === byte)
    );
  }

  private format(bytes: Uint8Array, { queueSizes, keptLength }: DeviceRecordOptions): void {
    bytes.fill(0);
    for (const [i, word] of [MAGIC, VERSION, queueSizes.length, keptLength].entries()) {
      this.head.setUint32(4 * i, word, true);
    }
  }
}

function identityWords({ memory, addresses }: RingIdentity): bigint[] {
  return [memory.device, memory.inode, addresses.descriptors, addresses.available, addresses.used];
}

/** Of another length it is of another device: it is made anew. */
function openRecord(file: string, length: number): MappedMemory {
  let fd: number | undefined;
  try {
    // 'a+' makes it where it is missing, and truncates nothing.
    fd = openSync(file, 'a+', 0o600);
    if (fstatSync(fd).size !== length) {
      ftruncateSync(fd, 0);
      // Written, not grown: where the file system is full this is an error now, and no SIGBUS at some access later.
      writeFileSync(fd, new Uint8Array(length));
    }
    return new MappedMemory(fd, length);
  } catch (thrown) {
    throw new BridgeError('IO_ERROR', `${file}: cannot record held buffers there: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
