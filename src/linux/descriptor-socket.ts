import { closeSync } from 'node:fs';
import { ERRNO, SystemCallError } from './errno.js';
import { lastErrno, libc } from './libc.js';
import { MessageBuffer } from './message-buffer.js';

const MSG_DONTWAIT = 0x40;
const MSG_CTRUNC = 0x8;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x4000_0000;

/** What one receive brought. */
export interface Received {
  /** Bytes; 0: the other side hung up. */
  readonly length: number;
  /** Open in this process, and the receiver's to close. */
  readonly descriptors: readonly number[];
}

/** A connected Unix socket over which descriptors are passed (SCM_RIGHTS). Never waits. Owns its descriptor. */
export class DescriptorSocket {
  private readonly buffer: MessageBuffer;
  private open = true;

  /** `capacity`: the most bytes that one call sends or receives. */
  constructor(
    readonly fd: number,
    capacity: number,
  ) {
    this.buffer = new MessageBuffer(capacity);
  }

  /**
   * Reads up to `length` bytes to `into` at `at`. A stream never gives bytes of before and behind passed
   * descriptors in one call. Undefined: nothing is there. Throws a SystemCallError.
   */
  receive(into: Uint8Array, at: number, length: number): Received | undefined {
    const { buffer } = this;
    const most = Math.min(length, buffer.capacity);
    for (;;) {
      buffer.prepareReceive(most);
      const got = libc().recvmsg(this.fd, buffer.header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
      if (got >= 0) {
        const descriptors = buffer.receivedDescriptors();
        into.set(buffer.data.subarray(0, got), at);
        if ((buffer.flags & MSG_CTRUNC) === 0) return { length: got, descriptors };
        for (const fd of descriptors) closeSync(fd);
        throw new SystemCallError('recvmsg', ERRNO.EMFILE);
      }
      const errno = lastErrno();
      if (errno === ERRNO.EINTR) continue;
      if (errno === ERRNO.EAGAIN) return undefined;
      throw new SystemCallError('recvmsg', errno);
    }
  }

  /** Sends bytes, and copies of descriptors with them; returns how many bytes were taken. Throws a SystemCallError. */
  send(bytes: Uint8Array, descriptors: readonly number[] = []): number {
    const { buffer } = this;
    const length = Math.min(bytes.length, buffer.capacity);
    buffer.data.set(bytes.subarray(0, length));
    buffer.prepareSend(length, descriptors);
    for (;;) {
      const sent = libc().sendmsg(this.fd, buffer.header, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent >= 0) return sent;
      const errno = lastErrno();
      if (errno !== ERRNO.EINTR) throw new SystemCallError('sendmsg', errno);
    }
  }

  /** Idempotent. */
  close(): void {
    if (!this.open) return;
    this.open = false;
    this.buffer.free();
    closeSync(this.fd);
  }
}
