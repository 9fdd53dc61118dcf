import type Koffi from 'koffi';
import { ERRNO, SystemCallError } from './errno.js';
import { koffi } from './koffi.js';
import { lastErrno, libc } from './libc.js';

type PollHandle = InstanceType<typeof Koffi.node.PollHandle>;
type PollEvents = { readable: boolean; writable: boolean };

export interface FdChannelEvents {
  /** Bytes that one wake-up brought; nobody else writes to them. */
  data(bytes: Uint8Array): void;
  /** The descriptor is at its end: the other side hung up (undefined), or an error. Comes once, before anything else stops. */
  end(error: SystemCallError | undefined): void;
}

/** Read buffers are handed out piece by piece; a new one is made when less than this is left. */
const POOL_SIZE = 64 * 1024;
const POOL_LEAST = 4 * 1024;
/** What one read of a tty gives at most, 4 KiB less one byte on some kernels. */
const TTY_READ = 4 * 1024 - 1;
/** Reads of one wake-up: others want their turn. */
const READS_AT_ONCE = 8;

interface Write {
  readonly bytes: Uint8Array;
  at: number;
  readonly done: (error: SystemCallError | undefined) => void;
}

/**
 * Reads and writes a non-blocking descriptor that can be polled (tty, pty, packet device) on Node's
 * event loop. It does not own the descriptor: {@link stop} first, then close it.
 */
export class FdChannel {
  private readonly handle: PollHandle;
  private pool = Buffer.allocUnsafeSlow(POOL_SIZE);
  private used = 0;
  private writes: Write[] = [];
  private waitsForRoom = false;
  private stopped = false;
  /** Bytes given to {@link write} that the kernel has not taken. */
  pendingBytes = 0;

  constructor(
    private readonly fd: number,
    private readonly events: FdChannelEvents,
  ) {
    this.handle = koffi().node.poll(fd, { readable: true }, this.onPoll as never);
  }

  /** Writes in order; `done` runs when the kernel has taken all of it, or the channel ended or stopped. */
  write(bytes: Uint8Array, done: Write['done']): void {
    if (this.stopped) {
      done(new SystemCallError('write', ERRNO.EBADF));
      return;
    }
    this.writes.push({ bytes, at: 0, done });
    this.pendingBytes += bytes.length;
    if (this.writes.length === 1) this.flush();
  }

  /** Ends polling; writes that wait are answered with EBADF. Idempotent. */
  stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    this.handle.stop();
    this.handle.close();
    this.failWrites(new SystemCallError('write', ERRNO.EBADF));
  }

  // The library's types leave out the first argument: libuv's status, negative when polling failed.
  private readonly onPoll = (status: number, ready: PollEvents): void => {
    if (this.stopped) return;
    // An error condition is read as one: the read tells which it was.
    if (status < 0 || ready.readable) this.readAll();
    if (this.stopped) return;
    if (status < 0) this.finish(new SystemCallError('poll', -status));
    else if (ready.writable) this.flush();
  };

  private readAll(): void {
    if (this.pool.length - this.used < POOL_LEAST) {
      this.pool = Buffer.allocUnsafeSlow(POOL_SIZE);
      this.used = 0;
    }
    const start = this.used;
    let end = start;
    let over: { error: SystemCallError | undefined } | undefined;
    for (let i = 0; i < READS_AT_ONCE && end < this.pool.length; i++) {
      const space = this.pool.length - end;
      const length = libc().read(this.fd, this.pool.subarray(end), space);
      if (length > 0) {
        end += length;
        // Less than a tty gives at once was all there is: whatever comes after it wakes again.
        if (length < TTY_READ) break;
        continue;
      }
      const errno = length < 0 ? lastErrno() : 0;
      if (errno === ERRNO.EINTR) continue;
      if (errno !== ERRNO.EAGAIN) over = { error: hangup(errno) };
      break;
    }
    this.used = end;
    if (end > start) this.events.data(this.pool.subarray(start, end));
    if (over !== undefined) this.finish(over.error);
  }

  private flush(): void {
    while (this.writes.length > 0) {
      const write = this.writes[0]!;
      const length = libc().write(this.fd, write.bytes.subarray(write.at), write.bytes.length - write.at);
      if (length < 0) {
        const errno = lastErrno();
        if (errno === ERRNO.EINTR) continue;
        if (errno === ERRNO.EAGAIN) this.waitForRoom(true);
        else this.finish(hangup(errno));
        return;
      }
      this.pendingBytes -= length;
      write.at += length;
      if (write.at < write.bytes.length) continue;
      this.writes.shift();
      write.done(undefined);
    }
    this.waitForRoom(false);
  }

  private waitForRoom(wait: boolean): void {
    if (wait === this.waitsForRoom || this.stopped) return;
    this.waitsForRoom = wait;
    this.handle.start({ readable: true, writable: wait }, this.onPoll as never);
  }

  private finish(error: SystemCallError | undefined): void {
    if (this.stopped) return;
    this.events.end(error);
    this.stop();
  }

  private failWrites(error: SystemCallError): void {
    const failed = this.writes;
    this.writes = [];
    this.pendingBytes = 0;
    for (const { done } of failed) done(error);
  }
}

/** Reading nothing, and EIO, are how a tty or pty says that the other side is gone. */
function hangup(errno: number): SystemCallError | undefined {
  return errno === 0 || errno === ERRNO.EIO ? undefined : new SystemCallError('read', errno);
}
