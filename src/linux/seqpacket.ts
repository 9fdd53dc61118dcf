import { closeSync } from 'node:fs';
import type Koffi from 'koffi';
import { checked } from './errno.js';
import { koffi } from './koffi.js';
import { libc } from './libc.js';
import { AF_UNIX, unixAddress } from './unix-address.js';

/**
 * SOCK_SEQPACKET sockets, which Node has none of: each write is one message, each read takes one, and an
 * end that closes is noticed. All descriptors are non-blocking and closed on exec.
 */

const SOCK_SEQPACKET = 5;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const FLAGS = SOCK_NONBLOCK | SOCK_CLOEXEC;
const BACKLOG = 16;

/** Two connected ends. Throws a SystemCallError. */
export function seqpacketPair(): [number, number] {
  const pair = Buffer.alloc(8);
  checked('socketpair', libc().socketpair(AF_UNIX, SOCK_SEQPACKET | FLAGS, 0, pair));
  return [pair.readInt32LE(0), pair.readInt32LE(4)];
}

/** Connects to a path. Throws a SystemCallError: EPROTOTYPE where a socket of another kind listens. */
export function connectSeqpacket(path: string): number {
  return withSocket((fd, address) => {
    checked('connect', libc().connect(fd, address, address.length));
  }, path);
}

/** Makes a socket at a path; nobody can connect before {@link SeqpacketListener} listens. Throws a SystemCallError. */
export function bindSeqpacket(path: string): number {
  return withSocket((fd, address) => {
    checked('bind', libc().bind(fd, address, address.length));
  }, path);
}

function withSocket(use: (fd: number, address: Buffer) => void, path: string): number {
  const address = unixAddress(path);
  const fd = checked('socket', libc().socket(AF_UNIX, SOCK_SEQPACKET | FLAGS, 0));
  try {
    use(fd, address);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Accepts connections on a bound socket, whose descriptor it takes over. */
export class SeqpacketListener {
  readonly #fd: number;
  readonly #handle: InstanceType<typeof Koffi.node.PollHandle>;
  #closed = false;

  /** `accepted` is given each connection's descriptor, which is its own from then on. Throws a SystemCallError. */
  constructor(fd: number, accepted: (connection: number) => void) {
    this.#fd = fd;
    checked('listen', libc().listen(fd, BACKLOG));
    this.#handle = koffi().node.poll(fd, { readable: true }, () => {
      while (!this.#closed) {
        const connection = libc().accept4(fd, null, null, FLAGS);
        // Out of descriptors, for one: the connection waits, or is lost; the listener goes on.
        if (connection < 0) return;
        accepted(connection);
      }
    });
  }

  /** Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#handle.stop();
    this.#handle.close();
    closeSync(this.#fd);
  }
}

const POLLIN = 0x1;
const POLLERR = 0x8;
const POLLHUP = 0x10;
const POLLRDHUP = 0x2000;
const FIONREAD = 0x541b;

/**
 * Whether a read of 0 bytes was the end and no empty message: the other side has hung up, and nothing
 * that has bytes is left to read.
 */
export function isAtEnd(fd: number): boolean {
  const request = Buffer.alloc(8);
  request.writeInt32LE(fd, 0);
  request.writeInt16LE(POLLIN | POLLRDHUP, 4);
  if (libc().poll(request, 1, 0) <= 0) return false;
  if ((request.readInt16LE(6) & (POLLERR | POLLHUP | POLLRDHUP)) === 0) return false;
  const left = Buffer.alloc(4);
  return libc().ioctl(fd, FIONREAD, left) < 0 || left.readInt32LE(0) === 0;
}
