import { koffi } from './koffi.js';

const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
/** SCM_MAX_FD is 253; nobody here sends more than a few. */
const MAX_DESCRIPTORS = 32;

/**
 * struct msghdr with one iovec and room for passed descriptors, in memory of its own that system calls
 * are given as it is. Offsets follow the size of a long; fields that C libraries declare narrower
 * than it have padding behind them, which is zero here.
 */
export class MessageBuffer {
  /** What is sent, or was received. Not to be used after {@link free}. */
  data: Uint8Array;
  /** For sendmsg and recvmsg. */
  readonly header: bigint;
  private readonly word: number;
  private readonly head: DataView;
  private readonly iovec: DataView;
  private readonly control: DataView;
  private readonly controlAddress: bigint;
  /** struct cmsghdr: size_t, int, int. */
  private readonly controlHead: number;
  private freed = false;

  constructor(readonly capacity: number) {
    const word = koffi().sizeof('long');
    this.word = word;
    this.controlHead = word + 8;
    const controlSize = align(this.controlHead + 4 * MAX_DESCRIPTORS, word);
    const iovecAt = 7 * word;
    const controlAt = iovecAt + 2 * word;
    const dataAt = controlAt + controlSize;
    this.header = koffi().alloc('uint8_t', dataAt + capacity) as bigint;
    const block = koffi().view(this.header, dataAt + capacity);
    this.data = new Uint8Array(block, dataAt, capacity).fill(0);
    this.head = new DataView(block, 0, iovecAt);
    this.iovec = new DataView(block, iovecAt, 2 * word);
    this.control = new DataView(block, controlAt, controlSize);
    this.controlAddress = this.header + BigInt(controlAt);
    new Uint8Array(block, 0, dataAt).fill(0);
    this.put(this.iovec, 0, this.header + BigInt(dataAt));
    this.put(this.head, 2 * word, this.header + BigInt(iovecAt));
    this.put(this.head, 3 * word, 1n);
  }

  /** Gives the memory back. Idempotent. */
  free(): void {
    if (this.freed) return;
    this.freed = true;
    this.data = new Uint8Array(0);
    koffi().free(this.header);
  }

  /** Of `data`, this many bytes from 0 on are sent or received; descriptors may come with them. */
  prepareReceive(length: number): void {
    this.put(this.iovec, this.word, BigInt(length));
    this.put(this.head, 4 * this.word, this.controlAddress);
    this.put(this.head, 5 * this.word, BigInt(this.control.byteLength));
  }

  prepareSend(length: number, descriptors: readonly number[]): void {
    this.put(this.iovec, this.word, BigInt(length));
    if (descriptors.length === 0) {
      this.put(this.head, 4 * this.word, 0n);
      this.put(this.head, 5 * this.word, 0n);
      return;
    }
    if (descriptors.length > MAX_DESCRIPTORS) {
      throw new RangeError(`${descriptors.length} descriptors: at most ${MAX_DESCRIPTORS} in a message`);
    }
    const size = this.controlHead + 4 * descriptors.length;
    this.put(this.control, 0, BigInt(size));
    this.control.setInt32(this.word, SOL_SOCKET, true);
    this.control.setInt32(this.word + 4, SCM_RIGHTS, true);
    descriptors.forEach((fd, i) => {
      this.control.setInt32(this.controlHead + 4 * i, fd, true);
    });
    this.put(this.head, 4 * this.word, this.controlAddress);
    this.put(this.head, 5 * this.word, BigInt(align(size, this.word)));
  }

  /** The descriptors that came; they are open in this process now. */
  receivedDescriptors(): number[] {
    const length = this.get(this.head, 5 * this.word);
    const found: number[] = [];
    let at = 0;
    while (at + this.controlHead <= length) {
      const size = this.get(this.control, at);
      if (size < this.controlHead || at + size > length) break;
      const isRights =
        this.control.getInt32(at + this.word, true) === SOL_SOCKET &&
        this.control.getInt32(at + this.word + 4, true) === SCM_RIGHTS;
      for (let fd = at + this.controlHead; isRights && fd + 4 <= at + size; fd += 4) {
        found.push(this.control.getInt32(fd, true));
      }
      at += align(size, this.word);
    }
    return found;
  }

  /** msg_flags of what was received. */
  get flags(): number {
    return this.head.getInt32(6 * this.word, true);
  }

  private put(view: DataView, at: number, value: bigint): void {
    if (this.word === 8) view.setBigUint64(at, value, true);
    else view.setUint32(at, Number(value), true);
  }

  private get(view: DataView, at: number): number {
    return this.word === 8 ? Number(view.getBigUint64(at, true)) : view.getUint32(at, true);
  }
}

function align(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}
