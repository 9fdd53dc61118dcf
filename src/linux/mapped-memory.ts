import { closeSync, fstatSync, ftruncateSync } from 'node:fs';
import { checked, SystemCallError } from './errno.js';
import { koffi } from './koffi.js';
import { lastErrno, libc } from './libc.js';

const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const F_ADD_SEALS = 1033;
const F_GET_SEALS = 1034;
const F_SEAL_SEAL = 1;
const F_SEAL_SHRINK = 2;
const F_SEAL_GROW = 4;

const ALL_BITS_64 = 0xffff_ffff_ffff_ffffn;
const ALL_BITS_32 = 0xffff_ffff;

/** Makes memory with a descriptor that others can map; its size is fixed for good. Throws a SystemCallError. */
export function createSharedMemory(name: string, length: number): number {
  const fd = checked('memfd_create', libc().memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  try {
    ftruncateSync(fd, length);
    checked('fcntl', libc().fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL));
  } catch (thrown) {
    closeSync(fd);
    throw thrown;
  }
  return fd;
}

/**
 * Whether nobody can take pages from behind a mapping of it any more: memory that was sealed (F_SEAL_SHRINK), as a file
 * of a file system never is.
 */
export function isSealedAgainstShrinking(fd: number): boolean {
  const seals = libc().fcntl(fd, F_GET_SEALS, 0);
  return seals >= 0 && (seals & F_SEAL_SHRINK) !== 0;
}

/**
 * A file or a memfd mapped with MAP_SHARED, for reading and writing, from its beginning.
 *
 * Whoever takes a view must have dropped it before {@link unmap}: an access after that ends the
 * process. So does an access to pages that the file lost meanwhile.
 */
export class MappedMemory {
  private readonly address: number | bigint;
  private readonly mapped: number;
  private open = true;

  /** Maps `length` bytes of a file that has at least as many. Throws a SystemCallError. */
  constructor(
    fd: number,
    readonly length: number,
  ) {
    // munmap wants whole pages, which are huge where the file system's blocks are.
    const page = Math.max(1, fstatSync(fd).blksize);
    this.mapped = Math.ceil(length / page) * page;
    const address = libc().mmap(null, this.mapped, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (address === ALL_BITS_64 || address === ALL_BITS_32) throw new SystemCallError('mmap', lastErrno());
    this.address = address;
  }

  /** A window onto the memory. `offset` and `length` lie within it; else this throws a RangeError. */
  view(offset: number, length: number): ArrayBuffer {
    if (!this.open || offset < 0 || length < 0 || offset + length > this.length) {
      throw new RangeError(`${length} bytes at ${offset}: ${this.length} are mapped`);
    }
    return koffi().view(BigInt(this.address) + BigInt(offset), length);
  }

  /** Idempotent. */
  unmap(): void {
    if (!this.open) return;
    this.open = false;
    libc().munmap(this.address, this.mapped);
  }
}
