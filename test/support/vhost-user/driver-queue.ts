import { EventFd } from '../../../src/linux/event-fd.js';
import type { VringAddresses } from '../../../src/wire/vhost-user.js';
import type { SharedGuestMemory } from './guest-memory.js';

const NEXT = 1;
const WRITE = 2;
const INDIRECT = 4;

export interface UsedBuffer {
  readonly head: number;
  /** What the device wrote, of the used length it gave. */
  readonly bytes: Uint8Array;
}

/** A descriptor as a test wants it. */
export interface RawDescriptor {
  readonly address: number | bigint;
  readonly length: number;
  readonly flags: number;
  readonly next: number;
}

/**
 * The driver's side of one split queue, by hand: descriptor table, available and used ring at
 * `base` of guest memory, and a page of buffer space for each descriptor behind `buffers`.
 */
export class DriverQueue {
  readonly kick = EventFd.create();
  readonly call = EventFd.create();
  readonly error = EventFd.create();
  /** Heads that the device holds, as far as the driver knows. */
  readonly outstanding = new Map<number, { address: number; length: number }[]>();
  /** Next index of the available and of the used ring. */
  available = 0;
  seen = 0;
  private free: number[];
  /** Descriptors of each chain, by its head. */
  private readonly chained = new Map<number, number[]>();

  constructor(
    private readonly memory: SharedGuestMemory,
    readonly index: number,
    readonly size: number,
    readonly base: number,
    private readonly buffers: number,
    private readonly bufferSize = 512,
  ) {
    this.free = Array.from({ length: size }, (_, i) => i);
  }

  get availableAt(): number {
    return this.base + 16 * this.size;
  }

  get usedAt(): number {
    return this.availableAt + Math.ceil((6 + 2 * this.size) / 64) * 64;
  }

  get addresses(): VringAddresses {
    return {
      index: this.index,
      descriptors: this.memory.userAddress(this.base),
      available: this.memory.userAddress(this.availableAt),
      used: this.memory.userAddress(this.usedAt),
    };
  }

  /** Makes one buffer of a readable and a writable part available; returns its head. Kicks unless told not to. */
  add(out: Uint8Array, inLength: number, kick = true): number {
    const parts: { bytes?: Uint8Array; length: number; write: boolean }[] = [];
    if (out.length > 0) parts.push({ bytes: out, length: out.length, write: false });
    if (inLength > 0) parts.push({ length: inLength, write: true });
    // A chain has a descriptor.
    if (parts.length === 0) parts.push({ length: 0, write: false });
    const heads = parts.map(() => this.free.shift()!);
    const writable: { address: number; length: number }[] = [];
    for (const [i, part] of parts.entries()) {
      const address = this.buffers + heads[i]! * this.bufferSize;
      if (part.bytes !== undefined) this.memory.at(address, part.length).set(part.bytes);
      if (part.write) writable.push({ address, length: part.length });
      const last = i === parts.length - 1;
      const flags = (part.write ? WRITE : 0) | (last ? 0 : NEXT);
      this.put(heads[i]!, { address, length: part.length, flags, next: last ? 0 : heads[i + 1]! });
    }
    this.chained.set(heads[0]!, heads);
    this.offer(heads[0]!, writable, kick);
    return heads[0]!;
  }

  /** As {@link add} by an indirect table at the head's buffer. */
  addIndirect(parts: readonly RawDescriptor[], kick = true): number {
    const head = this.free.shift()!;
    const table = this.buffers + head * this.bufferSize;
    parts.forEach((part, i) => {
      this.putAt(table + 16 * i, part);
    });
    this.put(head, { address: table, length: 16 * parts.length, flags: INDIRECT, next: 0 });
    const writable = parts
      .filter(({ flags }) => (flags & WRITE) !== 0)
      .map(({ address, length }) => ({ address: Number(address), length }));
    this.chained.set(head, [head]);
    this.offer(head, writable, kick);
    return head;
  }

  /** Writes a descriptor of the table. */
  put(index: number, descriptor: RawDescriptor): void {
    this.putAt(this.base + 16 * index, descriptor);
  }

  /** Makes `head` available, whatever it is. */
  offer(head: number, writable: { address: number; length: number }[] = [], kick = true): void {
    const ring = this.memory.view(this.availableAt, 4 + 2 * this.size);
    ring.setUint16(4 + 2 * (this.available % this.size), head, true);
    this.available = (this.available + 1) & 0xffff;
    this.outstanding.set(head, writable);
    ring.setUint16(2, this.available, true);
    if (kick) this.kick.signal();
  }

  /** Tells the device to interrupt no more, or again. */
  setNoInterrupt(on: boolean): void {
    this.memory.view(this.availableAt, 2).setUint16(0, on ? 1 : 0, true);
  }

  /** What was returned since the last call. Throws where something came back that was not outstanding. */
  used(): UsedBuffer[] {
    const ring = this.memory.view(this.usedAt, 4 + 8 * this.size);
    const index = ring.getUint16(2, true);
    const found: UsedBuffer[] = [];
    for (; this.seen !== index; this.seen = (this.seen + 1) & 0xffff) {
      const at = 4 + 8 * (this.seen % this.size);
      const head = ring.getUint32(at, true);
      const length = ring.getUint32(at + 4, true);
      const writable = this.outstanding.get(head);
      if (writable === undefined) throw new Error(`buffer ${head} was returned without being outstanding`);
      this.outstanding.delete(head);
      for (const each of this.chained.get(head) ?? [head]) this.free.push(each);
      found.push({ head, bytes: this.gather(writable, length) });
    }
    return found;
  }

  /** The driver begins anew, at the same place. */
  reset(): void {
    this.memory.at(this.base, this.usedAt - this.base + 6 + 8 * this.size).fill(0);
    this.outstanding.clear();
    this.chained.clear();
    this.available = 0;
    this.seen = 0;
    this.free = Array.from({ length: this.size }, (_, i) => i);
  }

  close(): void {
    for (const one of [this.kick, this.call, this.error]) one.close();
  }

  private gather(writable: { address: number; length: number }[], length: number): Uint8Array {
    let left = length;
    const pieces = writable.map((piece) => {
      const take = Math.min(left, piece.length);
      left -= take;
      return this.memory.at(piece.address, take);
    });
    if (left > 0) throw new Error(`${length} bytes were written to a buffer that is shorter by ${left}`);
    return Uint8Array.from(Buffer.concat(pieces));
  }

  private putAt(address: number, descriptor: RawDescriptor): void {
    const view = this.memory.view(address, 16);
    view.setBigUint64(0, BigInt(descriptor.address), true);
    view.setUint32(8, descriptor.length, true);
    view.setUint16(12, descriptor.flags, true);
    view.setUint16(14, descriptor.next, true);
  }
}
