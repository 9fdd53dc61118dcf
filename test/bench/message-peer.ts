import { pathToFileURL } from 'node:url';
import { ERRNO } from '../../src/linux/errno.js';
import { lastErrno, libc } from '../../src/linux/libc.js';

/**
 * The other end of a SOCK_SEQPACKET pair, as a process, on descriptor 3: `source SIZE` writes messages as
 * fast as they are taken, `sink` reads them; nothing but calls of read and write in a loop.
 */
const FD = 3;
const POLLIN = 1;
const POLLOUT = 4;

/** Reads messages for so long, in a loop of plain calls; how many came. */
export function readLoop(fd: number, milliseconds: number): number {
  const { read } = libc();
  const buffer = Buffer.alloc(4_096);
  const end = performance.now() + milliseconds;
  let count = 0;
  for (;;) {
    const length = read(fd, buffer, buffer.length);
    if (length > 0) count++;
    else if (length === 0) return count;
    else if (!waitFor(fd, POLLIN)) return count;
    // The clock costs as much as a read.
    if ((count & 0x3f) === 0 && performance.now() >= end) return count;
  }
}

/** Writes messages until the other end is gone, or for so long; how many were taken. */
export function writeLoop(fd: number, size: number, milliseconds = Number.POSITIVE_INFINITY): number {
  const { write } = libc();
  const message = Buffer.alloc(size, 0x55);
  const end = performance.now() + milliseconds;
  let count = 0;
  for (;;) {
    if (write(fd, message, size) === size) count++;
    else if (!waitFor(fd, POLLOUT)) return count;
    if ((count & 0x3f) === 0 && performance.now() >= end) return count;
  }
}

/** Waits where a call would have blocked; false when it failed otherwise. */
function waitFor(fd: number, events: number): boolean {
  if (lastErrno() !== ERRNO.EAGAIN) return false;
  const request = Buffer.alloc(8);
  request.writeInt32LE(fd, 0);
  request.writeInt16LE(events, 4);
  return libc().poll(request, 1, 1_000) >= 0;
}

function main(): void {
  const [role, size] = process.argv.slice(2);
  if (role === 'source') writeLoop(FD, Number(size));
  else if (role === 'sink') readLoop(FD, Number.POSITIVE_INFINITY);
  else throw new Error(`message-peer: no role '${role}'`);
}

if (import.meta.url === pathToFileURL(process.argv[1]!).href) main();
