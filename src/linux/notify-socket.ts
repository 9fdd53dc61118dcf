import { closeSync } from 'node:fs';
import { checked, ERRNO, SystemCallError } from './errno.js';
import { lastErrno, libc } from './libc.js';

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const MSG_NOSIGNAL = 0x4000;

/** sun_family, and sun_path with its 108 bytes. */
const FAMILY_BYTES = 2;
const PATH_BYTES = 108;

/**
 * The sending end of a Unix datagram socket, which Node has none of: where a service manager wants
 * to be told (sd_notify(3)). Never blocks; the kernel adds the sender's credentials where the
 * receiver asks for them.
 */
export class NotifySocket {
  readonly #fd: number;
  readonly #address: Buffer;

  /** `address` is an absolute path, or `@name` in the abstract namespace. Throws a SystemCallError. */
  constructor(address: string) {
    this.#address = sockaddr(address);
    this.#fd = checked('socket', libc().socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  }

  /** False when the receiver's queue is full: try again later. Throws a SystemCallError. */
  send(message: string): boolean {
    const bytes = Buffer.from(message);
    for (;;) {
      const address = this.#address;
      const sent = libc().sendto(this.#fd, bytes, bytes.length, MSG_NOSIGNAL, address, address.length);
      if (sent >= 0) return true;
      const errno = lastErrno();
      if (errno === ERRNO.EINTR) continue;
      if (errno === ERRNO.EAGAIN || errno === ERRNO.ENOBUFS) return false;
      throw new SystemCallError('sendto', errno);
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** struct sockaddr_un, as long as it has to be: in an abstract name every byte counts. */
function sockaddr(address: string): Buffer {
  const abstract = address.startsWith('@');
  const name = Buffer.from(abstract ? `\0${address.slice(1)}` : `${address}\0`);
  if (name.length > PATH_BYTES) throw new SystemCallError('sendto', ERRNO.ENAMETOOLONG);
  const bytes = Buffer.alloc(FAMILY_BYTES + name.length);
  // In the machine's byte order: koffi has packages for little-endian ones only.
  bytes.writeUInt16LE(AF_UNIX, 0);
  name.copy(bytes, FAMILY_BYTES);
  return bytes;
}
