import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSharedMemory, MappedMemory } from '../../../src/linux/mapped-memory.js';
import type { MemoryRegion } from '../../../src/wire/vhost-user.js';

/** Around each region, so that whoever leaves it is found out. */
const MARGIN = 64 * 1024;
const CANARY = 0xa5;
/** What a front end's own addresses might look like. */
const USER_BASE = 0x7f12_3456_0000n;

export interface RegionPlan {
  readonly guestAddress: number;
  /** A multiple of 4096. */
  readonly size: number;
}

/** Two regions that adjoin for the guest, and one apart from them. */
export const DEFAULT_PLAN: readonly RegionPlan[] = [
  { guestAddress: 0x10_0000, size: 0x4_0000 },
  { guestAddress: 0x14_0000, size: 0x4_0000 },
  { guestAddress: 0x1_0000_0000, size: 0x2_0000 },
];

/** A guest's memory, in one file with canaries around its regions, as a front end shares it. */
export class SharedGuestMemory {
  readonly fd: number;
  readonly regions: readonly MemoryRegion[];
  private readonly mapped: MappedMemory;
  private readonly bytes: Uint8Array;

  /** `sealed` as QEMU's memory-backend-memfd is, or a plain file. */
  constructor(
    private readonly plan: readonly RegionPlan[] = DEFAULT_PLAN,
    sealed = true,
  ) {
    const length = plan.reduce((sum, { size }) => sum + size + MARGIN, MARGIN);
    this.fd = sealed ? createSharedMemory('guest', length) : plainFile(length);
    this.mapped = new MappedMemory(this.fd, length);
    this.bytes = new Uint8Array(this.mapped.view(0, length));
    this.bytes.fill(CANARY);
    let at = MARGIN;
    this.regions = plan.map(({ guestAddress, size }, i) => {
      const offset = at;
      this.bytes.fill(0, offset, offset + size);
      at += size + MARGIN;
      return {
        guestAddress: BigInt(guestAddress),
        size: BigInt(size),
        userAddress: USER_BASE + BigInt(i) * 0x1000_0000n,
        mmapOffset: BigInt(offset),
      };
    });
  }

  /** A view of guest memory within one region. */
  at(guestAddress: number, length: number): Uint8Array {
    const offset = this.offsetOf(guestAddress);
    return this.bytes.subarray(offset, offset + length);
  }

  view(guestAddress: number, length: number): DataView {
    return new DataView(this.bytes.buffer, this.offsetOf(guestAddress), length);
  }

  userAddress(guestAddress: number): bigint {
    const i = this.regionIndex(guestAddress);
    return this.regions[i]!.userAddress + BigInt(guestAddress - this.plan[i]!.guestAddress);
  }

  /** Whether nothing outside the regions was written. */
  isIntact(): boolean {
    let at = 0;
    for (const { mmapOffset, size } of this.regions) {
      if (!isCanary(this.bytes.subarray(at, Number(mmapOffset)))) return false;
      at = Number(mmapOffset + size);
    }
    return isCanary(this.bytes.subarray(at));
  }

  close(): void {
    this.mapped.unmap();
    closeSync(this.fd);
  }

  private regionIndex(guestAddress: number): number {
    return this.plan.findIndex(
      (one) => guestAddress >= one.guestAddress && guestAddress < one.guestAddress + one.size,
    );
  }

  private offsetOf(guestAddress: number): number {
    const i = this.regionIndex(guestAddress);
    return Number(this.regions[i]!.mmapOffset) + guestAddress - this.plan[i]!.guestAddress;
  }
}

/** A file that has no name any more. */
function plainFile(length: number): number {
  const folder = mkdtempSync(join(tmpdir(), 'gpiobridge-memory-'));
  try {
    const fd = openSync(join(folder, 'memory'), 'w+');
    ftruncateSync(fd, length);
    return fd;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const MARGIN_BYTES = Buffer.alloc(MARGIN, CANARY);

function isCanary(bytes: Uint8Array): boolean {
  return MARGIN_BYTES.equals(bytes);
}
