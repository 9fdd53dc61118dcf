import type { GuestMemory } from '../memory/guest-memory.js';

/** struct virtq_desc: le64 addr; le32 len; le16 flags; le16 next. */
const DESCRIPTOR = 16;
const WORDS = DESCRIPTOR / 4;
const FLAG_NEXT = 1;
const FLAG_WRITE = 2;
const FLAG_INDIRECT = 4;

/** The most bytes of one buffer that a device reads: more than any message of the devices served here. */
export const MAX_READABLE = 64 * 1024;
/** The longest chain in an indirect table, whatever the queue's size: what QEMU takes, too. */
const MAX_INDIRECT = 1024;
const TWO_TO_32 = 2 ** 32;

/**
 * One buffer of a split ring (virtio 1.2, 2.7.5): follows its chain of descriptors, copies what the
 * device reads and notes where it may write. All that a guest can forge is checked; a chain that is
 * broken is so for good, since nobody knows what the guest meant.
 *
 * Used again for each buffer; what it holds is valid until the next {@link read}.
 */
export class DescriptorChain {
  /** The device-readable part, from 0 on. */
  readonly readable = new Uint8Array(MAX_READABLE);
  readableLength = 0;
  /** The device-writable part: so many pieces of guest memory. */
  pieces = 0;
  readonly addresses: Float64Array;
  readonly lengths: Float64Array;
  /** Bytes of all pieces. */
  writableLength = 0;

  private readonly most: number;
  private readonly table: Uint8Array;
  private readonly tableWords: Uint32Array;

  constructor(
    private readonly memory: GuestMemory,
    queueSize: number,
    private readonly indirect: boolean,
  ) {
    this.most = Math.max(queueSize, indirect ? MAX_INDIRECT : 0);
    this.addresses = new Float64Array(this.most);
    this.lengths = new Float64Array(this.most);
    this.table = new Uint8Array(indirect ? MAX_INDIRECT * DESCRIPTOR : 0);
    this.tableWords = new Uint32Array(this.table.buffer);
  }

  /** Reads the chain that begins at `head` of the descriptor table. Returns what is wrong with it, in words. */
  read(table: Uint32Array, head: number): string | undefined {
    this.readableLength = 0;
    this.writableLength = 0;
    this.pieces = 0;
    return this.follow(table, table.length / WORDS, head, true);
  }

  /** Follows a chain in a table of `size` descriptors. Each word is read once: the guest may change it any time. */
  private follow(table: Uint32Array, size: number, head: number, outer: boolean): string | undefined {
    let index = head;
    for (let count = 0; count < size; count++) {
      if (index >= size) return `descriptor ${index} of ${size}`;
      const at = index * WORDS;
      const address = table[at]! + table[at + 1]! * TWO_TO_32;
      const length = table[at + 2]!;
      const flagsAndNext = table[at + 3]!;
      const flags = flagsAndNext & 0xffff;
      if ((flags & FLAG_INDIRECT) !== 0) {
        if (!outer) return 'an indirect table inside an indirect table';
        return this.followIndirect(address, length, flags, count);
      }
      const wrong = this.take(address, length, (flags & FLAG_WRITE) !== 0);
      if (wrong !== undefined) return wrong;
      if ((flags & FLAG_NEXT) === 0) return undefined;
      index = flagsAndNext >>> 16;
    }
    return `a chain longer than its ${size} descriptors: a loop`;
  }

  private followIndirect(address: number, length: number, flags: number, before: number): string | undefined {
    if (!this.indirect) return 'an indirect descriptor, which was not negotiated';
    if ((flags & FLAG_NEXT) !== 0) return 'an indirect descriptor with a next one';
    // The specification has the table as all of the buffer; it may follow descriptors in the ring.
    const count = length / DESCRIPTOR;
    if (count < 1 || !Number.isInteger(count) || count + before > this.most) {
      return `an indirect table of ${length} bytes`;
    }
    if (count > MAX_INDIRECT) return `an indirect table of ${count} descriptors`;
    if (!this.memory.read(address, this.table, 0, length)) return outside('an indirect table', address);
    return this.follow(this.tableWords, count, 0, false);
  }

  private take(address: number, length: number, writable: boolean): string | undefined {
    if (writable) {
      if (!this.memory.contains(address, length)) return outside('a buffer', address);
      this.addresses[this.pieces] = address;
      this.lengths[this.pieces++] = length;
      this.writableLength += length;
      return undefined;
    }
    if (this.pieces > 0) return 'a device-readable descriptor behind a device-writable one';
    const end = this.readableLength + length;
    if (end > MAX_READABLE) return `a buffer of more than ${MAX_READABLE} bytes to read`;
    if (!this.memory.read(address, this.readable, this.readableLength, length)) {
      return outside('a buffer', address);
    }
    this.readableLength = end;
    return undefined;
  }
}

function outside(what: string, address: number): string {
  return `${what} at 0x${address.toString(16)} that is not in guest memory`;
}
