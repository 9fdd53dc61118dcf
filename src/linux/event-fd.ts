import { closeSync, readlinkSync } from 'node:fs';
import { setNonBlocking } from './descriptor-flags.js';
import { checked, ERRNO, SystemCallError } from './errno.js';
import { lastErrno, libc } from './libc.js';

const EFD_NONBLOCK = 0o4000;
const EFD_CLOEXEC = 0o2000000;

/** What it is called in /proc. */
const EVENTFD = 'anon_inode:[eventfd]';

const ONE = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]);

/** An eventfd(2), by which processes and virtual machines wake each other. Owns its descriptor. */
export class EventFd {
  private readonly count = Buffer.alloc(8);
  private open = true;

  /**
   * Takes over a descriptor that somebody sent, and makes it non-blocking. Throws a SystemCallError, EINVAL
   * where it is no eventfd: others may not be polled, or hold up a read.
   */
  static adopt(fd: number): EventFd {
    try {
      if (readlinkSync(`/proc/self/fd/${fd}`) !== EVENTFD) throw new SystemCallError('eventfd', ERRNO.EINVAL);
      setNonBlocking(fd);
    } catch (thrown) {
      closeSync(fd);
      throw thrown;
    }
    return new EventFd(fd);
  }

  static create(): EventFd {
    return new EventFd(checked('eventfd', libc().eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)));
  }

  private constructor(readonly fd: number) {}

  /** Wakes the other side; where it was woken so often that it cannot count on, it is awake. */
  signal(): void {
    if (this.open) libc().write(this.fd, ONE, ONE.length);
  }

  /** Takes the wakes that came. False when the descriptor is no eventfd, or at its end. */
  clear(): boolean {
    if (!this.open) return false;
    const length = libc().read(this.fd, this.count, this.count.length);
    return length === this.count.length || (length < 0 && isTransient(lastErrno()));
  }

  /** Idempotent. */
  close(): void {
    if (!this.open) return;
    this.open = false;
    closeSync(this.fd);
  }
}

function isTransient(errno: number): boolean {
  return errno === ERRNO.EAGAIN || errno === ERRNO.EINTR;
}
