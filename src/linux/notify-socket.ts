import { closeSync } from 'node:fs';
import { checked, ERRNO, SystemCallError } from './errno.js';
import { lastErrno, libc } from './libc.js';
import { AF_UNIX, unixAddress } from './unix-address.js';

const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const MSG_NOSIGNAL = 0x4000;

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
    this.#address = unixAddress(address);
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
