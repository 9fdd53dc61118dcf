import { closeSync, fstatSync } from 'node:fs';
import { messageOf } from '../../base/errors.js';
import { isSealedAgainstShrinking, MappedMemory } from '../../linux/mapped-memory.js';
import type { MemoryRegion } from '../../wire/vhost-user.js';
import { ProtocolViolation } from '../violation.js';

/** Longer regions are seen through several views: a typed array has a largest length. */
const WINDOW = 2 ** 30;
/** What an offset into a region's file must be a multiple of, so that aligned addresses of a guest stay aligned. */
const ALIGNMENT = 4096n;
/** Addresses are plain numbers here, which hold this much exactly; no machine has more. */
const MAX_ADDRESS = 2n ** 53n;

/** A stretch of a region that one typed array covers. */
interface Window {
  readonly guestAddress: number;
  readonly end: number;
  readonly bytes: Uint8Array;
}

interface MappedRegion {
  readonly memory: MappedMemory;
  readonly guestAddress: number;
  readonly userAddress: number;
  readonly size: number;
  readonly fileOffset: number;
  readonly identity: MemoryIdentity;
}

/** Which memory a region is: a virtual machine that starts anew has another. */
export interface MemoryIdentity {
  readonly device: bigint;
  readonly inode: bigint;
}

/**
 * The memory of a guest, as the front end shared it: some regions, each in a file of its own or a
 * part of one. Every access is bounded by them; nothing outside is ever touched.
 *
 * Only bytes are copied in and out. The exception are {@link ringView}s, whose holders drop them
 * before {@link close}.
 */
export class GuestMemory {
  /**
   * Every region keeps its length for good. Where one does not, the front end can take pages from under this
   * process, which the next access to them ends (SIGBUS).
   */
  readonly isSealed: boolean;
  private readonly regions: MappedRegion[] = [];
  private windows: Window[] = [];
  /** The window that was used last: guests keep to one for long. */
  private recent: Window | undefined;

  /**
   * Maps the regions; takes over the descriptors, one for each, whatever happens. Throws a
   * ProtocolViolation where a region is not what it says.
   */
  constructor(regions: readonly MemoryRegion[], descriptors: readonly number[]) {
    try {
      if (regions.length !== descriptors.length) {
        throw new ProtocolViolation(`${regions.length} memory regions came with ${descriptors.length} files`);
      }
      for (const [i, region] of regions.entries()) this.add(region, descriptors[i]!);
      this.isSealed = descriptors.every(isSealedAgainstShrinking);
    } catch (thrown) {
      this.close();
      throw thrown;
    } finally {
      for (const fd of descriptors) closeSync(fd);
    }
  }

  /**
   * Copies `length` bytes from `guestAddress` on to `into` at `at`. False, with any part copied,
   * where not all of them are guest memory.
   */
  read(guestAddress: number, into: Uint8Array, at: number, length: number): boolean {
    let left = length;
    while (left > 0) {
      const window = this.windowAt(guestAddress + length - left);
      if (window === undefined) return false;
      const from = guestAddress + length - left - window.guestAddress;
      const piece = Math.min(left, window.bytes.length - from);
      copy(window.bytes, from, into, at + length - left, piece);
      left -= piece;
    }
    return true;
  }

  /** Copies bytes to guest memory. False, with any part written, where not all of the target is guest memory. */
  write(guestAddress: number, from: Uint8Array, at: number, length: number): boolean {
    let left = length;
    while (left > 0) {
      const window = this.windowAt(guestAddress + length - left);
      if (window === undefined) return false;
      const to = guestAddress + length - left - window.guestAddress;
      const piece = Math.min(left, window.bytes.length - to);
      copy(from, at + length - left, window.bytes, to, piece);
      left -= piece;
    }
    return true;
  }

  /** Whether all of the range is guest memory. */
  contains(guestAddress: number, length: number): boolean {
    let at = guestAddress;
    // Counted down: an address so high that a number cannot hold it does not grow by what is added.
    let left = length;
    while (left > 0) {
      const window = this.windowAt(at);
      if (window === undefined) return false;
      left -= window.end - at;
      at = window.end;
    }
    return true;
  }

  /**
   * A view of a part of a ring, by its address in the front end. Throws a ProtocolViolation where it
   * is not inside one region, or not aligned. To be dropped before {@link close}.
   */
  ringView(userAddress: bigint, length: number, alignment: number, what: string): ArrayBuffer {
    const region = this.regionOf(userAddress, length);
    if (region === undefined) throw new ProtocolViolation(`the ${what} is not inside one memory region`);
    const offset = region.fileOffset + Number(userAddress) - region.userAddress;
    if (offset % alignment !== 0) throw new ProtocolViolation(`the ${what} is not aligned to ${alignment}`);
    return region.memory.view(offset, length);
  }

  /** Which memory an address in the front end belongs to. */
  identityAt(userAddress: bigint): MemoryIdentity | undefined {
    return this.regionOf(userAddress, 1)?.identity;
  }

  /** Unmaps everything. Idempotent. */
  close(): void {
    this.windows = [];
    this.recent = undefined;
    for (const { memory } of this.regions.splice(0)) memory.unmap();
  }

  private add(region: MemoryRegion, fd: number): void {
    const { guestAddress, size, userAddress, mmapOffset } = region;
    const where = `the memory region at 0x${guestAddress.toString(16)}`;
    if (size === 0n) throw new ProtocolViolation(`${where} is empty`);
    if (guestAddress + size > MAX_ADDRESS || userAddress + size > MAX_ADDRESS) {
      throw new ProtocolViolation(`${where} ends beyond every address`);
    }
    if (mmapOffset % ALIGNMENT !== 0n) throw new ProtocolViolation(`${where} is not aligned in its file`);
    const file = fstatSync(fd, { bigint: true });
    if (!file.isFile()) throw new ProtocolViolation(`${where} came with something else than a file`);
    if (mmapOffset + size > file.size) throw new ProtocolViolation(`${where} is longer than its file`);
    const added: MappedRegion = {
      memory: map(fd, Number(mmapOffset + size), where),
      guestAddress: Number(guestAddress),
      userAddress: Number(userAddress),
      size: Number(size),
      fileOffset: Number(mmapOffset),
      identity: { device: file.dev, inode: file.ino },
    };
    this.regions.push(added);
    if (this.regions.some((other) => other !== added && overlap(other, added))) {
      throw new ProtocolViolation(`${where} overlaps another`);
    }
    this.addWindows(added);
  }

  private addWindows({ memory, guestAddress, size, fileOffset }: MappedRegion): void {
    for (let at = 0; at < size; at += WINDOW) {
      const length = Math.min(WINDOW, size - at);
      this.windows.push({
        guestAddress: guestAddress + at,
        end: guestAddress + at + length,
        bytes: new Uint8Array(memory.view(fileOffset + at, length)),
      });
    }
  }

  private windowAt(guestAddress: number): Window | undefined {
    const { recent } = this;
    if (recent !== undefined && guestAddress >= recent.guestAddress && guestAddress < recent.end) {
      return recent;
    }
    const found = this.windows.find((one) => guestAddress >= one.guestAddress && guestAddress < one.end);
    if (found !== undefined) this.recent = found;
    return found;
  }

  private regionOf(userAddress: bigint, length: number): MappedRegion | undefined {
    if (userAddress > MAX_ADDRESS) return undefined;
    const address = Number(userAddress);
    return this.regions.find(
      (one) => address >= one.userAddress && address + length <= one.userAddress + one.size,
    );
  }
}

/** Short copies, which is most of them, are quicker by hand than with the view that `set` needs. */
const SHORT = 32;

function copy(from: Uint8Array, fromAt: number, to: Uint8Array, toAt: number, length: number): void {
  if (length > SHORT) {
    to.set(from.subarray(fromAt, fromAt + length), toAt);
    return;
  }
  for (let i = 0; i < length; i++) to[toAt + i] = from[fromAt + i]!;
}

function map(fd: number, length: number, where: string): MappedMemory {
  try {
    return new MappedMemory(fd, length);
  } catch (thrown) {
    throw new ProtocolViolation(`${where} cannot be mapped: ${messageOf(thrown)}`);
  }
}

function overlap(one: MappedRegion, other: MappedRegion): boolean {
  return (
    meet(one.guestAddress, other.guestAddress, one.size, other.size) ||
    meet(one.userAddress, other.userAddress, one.size, other.size)
  );
}

function meet(one: number, other: number, oneSize: number, otherSize: number): boolean {
  return one < other + otherSize && other < one + oneSize;
}
