import type { GuestMemory } from '../memory/guest-memory.js';
import type { DescriptorChain } from './descriptor-chain.js';

/** Where the buffers that the device holds want their answers, by head. Most have one place only. */
export class HeldBuffers {
  private readonly address: Float64Array;
  private readonly length: Float64Array;
  /** Bytes that may come back. */
  private readonly total: Float64Array;
  /** The pieces behind the first, of the few that have several: address and length in turn. */
  private readonly more = new Map<number, readonly number[]>();

  constructor(queueSize: number) {
    this.address = new Float64Array(queueSize);
    this.length = new Float64Array(queueSize);
    this.total = new Float64Array(queueSize);
  }

  keep(head: number, chain: DescriptorChain): void {
    this.address[head] = chain.pieces === 0 ? 0 : chain.addresses[0]!;
    this.length[head] = chain.pieces === 0 ? 0 : chain.lengths[0]!;
    this.total[head] = chain.writableLength;
    if (chain.pieces <= 1) {
      if (this.more.size > 0) this.more.delete(head);
      return;
    }
    const rest: number[] = [];
    for (let i = 1; i < chain.pieces; i++) rest.push(chain.addresses[i]!, chain.lengths[i]!);
    this.more.set(head, rest);
  }

  writableLength(head: number): number {
    return this.total[head]!;
  }

  /** Writes `length` bytes, which fit, to the places of a buffer. False where they are guest memory no more. */
  write(memory: GuestMemory, head: number, bytes: Uint8Array, length: number): boolean {
    const first = Math.min(length, this.length[head]!);
    if (!memory.write(this.address[head]!, bytes, 0, first)) return false;
    if (first === length) return true;
    const rest = this.more.get(head)!;
    let written = first;
    for (let i = 0; written < length; i += 2) {
      const piece = Math.min(length - written, rest[i + 1]!);
      if (!memory.write(rest[i]!, bytes, written, piece)) return false;
      written += piece;
    }
    return true;
  }
}
