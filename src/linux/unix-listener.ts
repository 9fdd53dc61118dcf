import { chmodSync, chownSync, closeSync, lstatSync, renameSync, rmSync } from 'node:fs';
import { checked, ERRNO, SystemCallError } from './errno.js';
import { lastErrno, libc } from './libc.js';
import { ReadableWatch } from './readable-watch.js';
import { AF_UNIX, unixAddress } from './unix-address.js';

const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const BACKLOG = 8;
/** Pause before it accepts again after it could not. */
const RETRY_MS = 200;

/** Who may connect; undefined ids are this process's own. */
export interface UnixListenerAccess {
  readonly uid?: number;
  readonly gid?: number;
  readonly mode: number;
}

/**
 * A Unix stream socket that listens and hands out bare descriptors, which Node's own does not. At
 * first {@link resume} must be called; then `accept` comes until {@link pause}.
 */
export class UnixListener {
  private readonly watch: ReadableWatch;
  private readonly inode: number;
  private open = true;

  /**
   * Replaces a socket at `path` that nobody listens on any more. Owner, group and mode are set before it
   * gets its name. Throws a SystemCallError or Node's own: EADDRINUSE where somebody listens, EEXIST
   * where something else than a socket is there.
   */
  constructor(
    private readonly path: string,
    access: UnixListenerAccess,
    private readonly accept: (fd: number) => void,
  ) {
    refuseOccupied(path);
    const temporary = `${path}.${process.pid}`;
    rmSync(temporary, { force: true });
    const fd = bindUnix(temporary);
    try {
      if (access.uid !== undefined || access.gid !== undefined) {
        chownSync(temporary, access.uid ?? -1, access.gid ?? -1);
      }
      chmodSync(temporary, access.mode);
      checked('listen', libc().listen(fd, BACKLOG));
      this.inode = lstatSync(temporary).ino;
      renameSync(temporary, path);
    } catch (thrown) {
      closeSync(fd);
      rmSync(temporary, { force: true });
      throw thrown;
    }
    this.fd = fd;
    this.watch = new ReadableWatch(fd, () => this.acceptOne());
    this.watch.pause();
  }

  private readonly fd: number;

  /** Whoever connects now waits, until {@link resume}. */
  pause(): void {
    this.watch.pause();
  }

  resume(): void {
    this.watch.resume();
  }

  /** Stops listening and removes the socket, if it is still this one. Idempotent. */
  close(): void {
    if (!this.open) return;
    this.open = false;
    this.watch.stop();
    closeSync(this.fd);
    if (lstatSync(this.path, { throwIfNoEntry: false })?.ino === this.inode) rmSync(this.path);
  }

  private acceptOne(): void {
    const fd = libc().accept4(this.fd, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      this.accept(fd);
      return;
    }
    const errno = lastErrno();
    // It left again.
    if (errno === ERRNO.EAGAIN || errno === ERRNO.ECONNABORTED || errno === ERRNO.EINTR) return;
    // Out of descriptors, for one: whoever waits would keep us busy.
    this.watch.pause();
    setTimeout(() => this.watch.resume(), RETRY_MS).unref();
  }
}

/** Connects to a Unix stream socket without waiting; returns its descriptor. Throws a SystemCallError. */
export function connectUnix(path: string): number {
  const address = unixAddress(path);
  const fd = openStream();
  if (libc().connect(fd, address, address.length) === 0) return fd;
  const errno = lastErrno();
  closeSync(fd);
  throw new SystemCallError('connect', errno);
}

/**
 * A Unix stream socket with a name, which nobody can connect to before it listens: until then there
 * is time to give it an owner and a mode. The umask is left alone: it is the whole process's, and
 * files that are made meanwhile on other threads would get it too. Throws a SystemCallError.
 */
export function bindUnix(path: string): number {
  const address = unixAddress(path);
  const fd = openStream();
  try {
    checked('bind', libc().bind(fd, address, address.length));
    return fd;
  } catch (thrown) {
    closeSync(fd);
    throw thrown;
  }
}

function openStream(): number {
  return checked('socket', libc().socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

function refuseOccupied(path: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket()) throw new SystemCallError('bind', ERRNO.EEXIST);
  let live = true;
  try {
    closeSync(connectUnix(path));
  } catch (thrown) {
    // Only a refusal means that nobody is there; without permission we cannot know, and leave it.
    live = (thrown as SystemCallError).code !== 'ECONNREFUSED';
  }
  if (live) throw new SystemCallError('bind', ERRNO.EADDRINUSE);
}
