import type Koffi from 'koffi';
import { ERRNO, SystemCallError } from './errno.js';
import { koffi } from './koffi.js';
import { lastErrno, libc } from './libc.js';
import { isAtEnd } from './seqpacket.js';

type PollHandle = InstanceType<typeof Koffi.node.PollHandle>;

/** Messages beyond which {@link readWaiting} takes it that somebody sends without end. */
const MOST_WAITING = 4_096;

/** Throws away what waits to be read; how many messages it was. */
export function readWaiting(fd: number): number {
  const scratch = Buffer.allocUnsafe(1);
  let count = 0;
  while (count < MOST_WAITING) {
    const length = libc().read(fd, scratch, scratch.length);
    if (length > 0 || (length === 0 && !isAtEnd(fd))) count++;
    else if (length === 0 || lastErrno() !== ERRNO.EINTR) break;
  }
  return count;
}

export interface MessageChannelEvents {
  /** What one wake-up brought, at `arrivedNs`; nobody else writes to the bytes. At least one message. */
  messages(messages: Uint8Array[], arrivedNs: bigint): void;
  /** The other side hung up (undefined), or an error. Comes once; nothing comes after it. */
  end(error: SystemCallError | undefined): void;
}

export interface MessageChannelOptions {
  /** The longest message that is taken, bytes. */
  readonly maxMessage: number;
  /** CLOCK_MONOTONIC. */
  readonly now: () => bigint;
}

/** What became of a {@link MessageChannel.write}. */
export type WriteOutcome = 'written' | 'full' | SystemCallError;

/** Messages of one wake-up; others want their turn, and what is left wakes it up again. */
const MESSAGES_AT_ONCE = 256;
/** Of the last wake-up, when the other side is gone and libuv no longer polls: all that a socket holds. */
const MESSAGES_AT_LAST = 65_536;
/** Read buffers are handed out piece by piece. */
const POOL_SIZE = 64 * 1024;

/**
 * Reads and writes whole messages on a non-blocking descriptor that keeps their boundaries (a
 * SOCK_SEQPACKET socket, /dev/rpmsgN) on Node's event loop. It does not own the descriptor: {@link stop}
 * first, then close it.
 */
export class MessageChannel {
  /** Messages that were longer than is taken, and are lost. */
  tooLong = 0;

  private readonly handle: PollHandle;
  /** One byte more than is taken: whatever fills it was longer. */
  private readonly space: number;
  private readonly poolSize: number;
  private pool: Buffer;
  private used = 0;
  private stopped = false;

  constructor(
    private readonly fd: number,
    private readonly options: MessageChannelOptions,
    private readonly events: MessageChannelEvents,
  ) {
    this.space = options.maxMessage + 1;
    this.poolSize = Math.max(POOL_SIZE, this.space);
    this.pool = Buffer.allocUnsafeSlow(this.poolSize);
    this.handle = koffi().node.poll(fd, { readable: true }, this.onPoll as never);
  }

  /**
   * Hands one message to the kernel. `full`: it has no room for it now. That is found out by trying
   * again and never by waiting for POLLOUT, which rpmsg does not report.
   */
  write(message: Uint8Array): WriteOutcome {
    if (this.stopped) return new SystemCallError('write', ERRNO.EBADF);
    for (;;) {
      if (libc().write(this.fd, message, message.length) >= 0) return 'written';
      const errno = lastErrno();
      if (errno === ERRNO.EINTR) continue;
      // Before Linux 5.18 rpmsg says ENOMEM when every buffer is in use.
      if (errno === ERRNO.EAGAIN || errno === ERRNO.ENOMEM || errno === ERRNO.ENOBUFS) return 'full';
      return new SystemCallError('write', errno);
    }
  }

  /** Ends polling. Idempotent. */
  stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    this.handle.stop();
    this.handle.close();
  }

  // The library's types leave out the first argument: libuv's status, negative at POLLERR.
  private readonly onPoll = (status: number): void => {
    if (this.stopped) return;
    const messages: Uint8Array[] = [];
    const end = this.readInto(messages, status < 0 ? MESSAGES_AT_LAST : MESSAGES_AT_ONCE);
    // After the reads: some of what they brought came only while they went on, and a moment before a
    // message's arrival would make the bound of the device's clock smaller than its error.
    const arrivedNs = this.options.now();
    if (messages.length > 0) this.events.messages(messages, arrivedNs);
    if (this.stopped) return;
    if (end !== undefined) this.finish(end.error);
    else if (status < 0) this.finish(new SystemCallError('poll', ERRNO.EPIPE));
  };

  /** Reads what there is, up to `most` messages; tells of the end when it came to it. */
  private readInto(messages: Uint8Array[], most: number): { error: SystemCallError | undefined } | undefined {
    const { read } = libc();
    const { fd, space } = this;
    for (let i = 0; i < most; i++) {
      if (this.poolSize - this.used < space) {
        this.pool = Buffer.allocUnsafeSlow(this.poolSize);
        this.used = 0;
      }
      const start = this.used;
      const length = read(fd, start === 0 ? this.pool : this.pool.subarray(start), space);
      if (length === space) this.tooLong++;
      else if (length > 0 || (length === 0 && !isAtEnd(fd))) {
        this.used = start + length;
        messages.push(this.pool.subarray(start, this.used));
      } else if (length === 0) return { error: undefined };
      else {
        const errno = lastErrno();
        if (errno === ERRNO.EAGAIN) return undefined;
        // A peer that closed with messages unread resets the connection; its own are still to be read.
        if (errno === ERRNO.EINTR || errno === ERRNO.ECONNRESET) continue;
        return { error: new SystemCallError('read', errno) };
      }
    }
    return undefined;
  }

  private finish(error: SystemCallError | undefined): void {
    this.stop();
    this.events.end(error);
  }
}
