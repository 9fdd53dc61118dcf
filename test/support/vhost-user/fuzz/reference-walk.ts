import type { SharedGuestMemory } from '../guest-memory.js';

/** What a chain of descriptors means, worked out the slow way, from virtio's text alone. */
export interface ChainMeaning {
  readonly readable: Uint8Array;
  /** Bytes that may be written. */
  readonly writable: number;
}

interface Descriptor {
  readonly address: bigint;
  readonly length: bigint;
  readonly flags: number;
  readonly next: number;
}

const NEXT = 1;
const WRITE = 2;
const INDIRECT = 4;
const MOST_READABLE = 65_536n;
const MOST_INDIRECT = 1024n;

/** Undefined where the chain is broken. */
export function meaningOf(
  memory: SharedGuestMemory,
  tableAddress: number,
  size: number,
  head: number,
): ChainMeaning | undefined {
  const chain = chainOf(memory, tableAddress, size, head);
  if (chain === undefined) return undefined;
  const firstWrite = chain.findIndex(({ flags }) => (flags & WRITE) !== 0);
  const readers = firstWrite < 0 ? chain : chain.slice(0, firstWrite);
  const writers = firstWrite < 0 ? [] : chain.slice(firstWrite);
  if (writers.some(({ flags }) => (flags & WRITE) === 0)) return undefined;
  if (chain.some(({ address, length }) => !isInside(memory, address, length))) return undefined;
  const total = (of: readonly Descriptor[]): bigint => of.reduce((sum, { length }) => sum + length, 0n);
  if (total(readers) > MOST_READABLE) return undefined;
  const readable = new Uint8Array(Number(total(readers)));
  let at = 0;
  for (const { address, length } of readers) {
    for (let i = 0n; i < length; i++) readable[at++] = memory.at(Number(address + i), 1)[0]!;
  }
  return { readable, writable: Number(total(writers)) };
}

function chainOf(
  memory: SharedGuestMemory,
  tableAddress: number,
  size: number,
  head: number,
): readonly Descriptor[] | undefined {
  const direct = follow((index) => readDescriptor(memory, tableAddress + 16 * index), size, head);
  if (direct === undefined) return undefined;
  const at = direct.findIndex(({ flags }) => (flags & INDIRECT) !== 0);
  if (at < 0) return direct;
  const { address, length, flags } = direct[at]!;
  const count = length / 16n;
  if ((flags & NEXT) !== 0 || length % 16n !== 0n || count === 0n || count > MOST_INDIRECT) return undefined;
  if (count + BigInt(at) > MOST_INDIRECT || !isInside(memory, address, length)) return undefined;
  const table = follow((index) => readAcross(memory, Number(address) + 16 * index), Number(count), 0);
  if (table === undefined || table.some((one) => (one.flags & INDIRECT) !== 0)) return undefined;
  return [...direct.slice(0, at), ...table];
}

/** Up to and with an indirect descriptor, behind which nothing counts. Undefined: a loop, or out of the table. */
function follow(
  read: (index: number) => Descriptor,
  size: number,
  head: number,
): readonly Descriptor[] | undefined {
  const seen = new Set<number>();
  const chain: Descriptor[] = [];
  for (let index = head; ; ) {
    if (index >= size || seen.has(index)) return undefined;
    seen.add(index);
    const descriptor = read(index);
    chain.push(descriptor);
    if ((descriptor.flags & INDIRECT) !== 0 || (descriptor.flags & NEXT) === 0) return chain;
    index = descriptor.next;
  }
}

function readDescriptor(memory: SharedGuestMemory, at: number): Descriptor {
  return decode(memory.at(at, 16));
}

/** A table may lie across two regions. */
function readAcross(memory: SharedGuestMemory, at: number): Descriptor {
  return decode(Uint8Array.from({ length: 16 }, (_, i) => memory.at(at + i, 1)[0]!));
}

function decode(bytes: Uint8Array): Descriptor {
  const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
  return {
    address: view.getBigUint64(0, true),
    length: BigInt(view.getUint32(8, true)),
    flags: view.getUint16(12, true),
    next: view.getUint16(14, true),
  };
}

function isInside(memory: SharedGuestMemory, address: bigint, length: bigint): boolean {
  let at = address;
  const end = address + length;
  while (at < end) {
    const region = memory.regions.find((one) => at >= one.guestAddress && at < one.guestAddress + one.size);
    if (region === undefined) return false;
    at = region.guestAddress + region.size;
  }
  return true;
}
