import { closeSync } from 'node:fs';
import { messageOf } from '../base/errors.js';
import { DescriptorSocket } from '../linux/descriptor-socket.js';
import { SystemCallError } from '../linux/errno.js';
import { ReadableWatch } from '../linux/readable-watch.js';
import {
  HEADER_LENGTH,
  MAX_PAYLOAD,
  type MessageHeader,
  readHeader,
  u64Payload,
  writeMessage,
} from '../wire/vhost-user.js';
import type { BackendCounters } from './counters.js';
import type { Outcome, Session } from './session.js';
import { ProtocolViolation } from './violation.js';

/** Messages of one turn; then others have theirs. */
const TURN = 64;
/** Descriptors that may come with one message; a memory table has the most. */
const MAX_DESCRIPTORS = 16;
const OK = 0n;
const FAILED = 1n;

/** One connection of a front end: reads its messages, lets the session do them, and answers. */
export class Connection {
  private readonly socket: DescriptorSocket;
  private readonly watch: ReadableWatch;
  private readonly head = new Uint8Array(HEADER_LENGTH);
  private readonly payload = new Uint8Array(MAX_PAYLOAD);
  private header: MessageHeader | undefined;
  /** Bytes of the head, or behind it of the payload, that are there. */
  private filled = 0;
  private descriptors: number[] = [];
  private isOpen = true;
  private moreLater: NodeJS.Immediate | undefined;

  /**
   * Takes the descriptor of the connection over. `ended` is called once, unless {@link close} was:
   * with what the front end did wrong, or undefined when it hung up.
   */
  constructor(
    fd: number,
    private readonly session: Session,
    private readonly counters: BackendCounters,
    private readonly ended: (violation: string | undefined) => void,
  ) {
    this.socket = new DescriptorSocket(fd, HEADER_LENGTH + MAX_PAYLOAD);
    this.watch = new ReadableWatch(fd, this.readable);
  }

  /** Ends it; the session, too. Idempotent. */
  close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.watch.stop();
    if (this.moreLater !== undefined) clearImmediate(this.moreLater);
    this.session.close();
    for (const fd of this.descriptors.splice(0)) closeSync(fd);
    this.socket.close();
  }

  private readonly readable = (): void => {
    this.moreLater = undefined;
    try {
      for (let count = 0; count < TURN && this.isOpen; count++) {
        if (!this.readMessage()) return;
      }
    } catch (thrown) {
      this.end(isHangup(thrown) ? undefined : messageOf(thrown));
    }
    // Polling may have ended with the other side, and what it left is still to be read.
    if (this.isOpen) this.moreLater ??= setImmediate(this.readable);
  };

  private end(violation: string | undefined): void {
    if (!this.isOpen) return;
    this.close();
    this.ended(violation);
  }

  /** Reads on in the message that is under way; false when there is nothing to read now. */
  private readMessage(): boolean {
    const { header } = this;
    const into = header === undefined ? this.head : this.payload;
    const wanted = header === undefined ? HEADER_LENGTH : header.size;
    if (this.filled < wanted) {
      // Never beyond the message, so that descriptors belong to it.
      const received = this.socket.receive(into, this.filled, wanted - this.filled);
      if (received === undefined) return false;
      this.descriptors.push(...received.descriptors);
      if (received.length === 0) {
        this.end(this.filled > 0 || header !== undefined ? 'it hung up within a message' : undefined);
        return false;
      }
      if (this.descriptors.length > MAX_DESCRIPTORS) {
        throw new ProtocolViolation(`${this.descriptors.length} descriptors in one message`);
      }
      this.filled += received.length;
      if (this.filled < wanted) return true;
    }
    this.filled = 0;
    if (header === undefined) this.startMessage();
    else this.finishMessage(header);
    return true;
  }

  private startMessage(): void {
    const header = readHeader(this.head, 0);
    if (typeof header === 'string') throw new ProtocolViolation(header);
    if (header.size === 0) this.finishMessage(header);
    else this.header = header;
  }

  private finishMessage(header: MessageHeader): void {
    this.header = undefined;
    this.counters.messages++;
    const { request, size } = header;
    const descriptors = this.descriptors;
    this.descriptors = [];
    let outcome: Outcome;
    try {
      outcome = this.session.handle(request, this.payload.subarray(0, size), descriptors);
    } catch (thrown) {
      // Said to the front end, which may know a better word for its user than a lost connection.
      if (this.wantsAcknowledgement(header)) this.send(request, u64Payload(FAILED));
      throw thrown;
    }
    if (outcome === 'refused') this.counters.messages_refused++;
    if (typeof outcome === 'object') this.send(request, outcome.payload, outcome.descriptors);
    else if (this.wantsAcknowledgement(header)) {
      this.send(request, u64Payload(outcome === 'refused' ? FAILED : OK));
    }
  }

  private wantsAcknowledgement({ needReply }: MessageHeader): boolean {
    return needReply && this.session.acknowledges;
  }

  /** Replies are short, and a front end waits for each: one that reads none is done with. */
  private send(request: number, payload: Uint8Array, descriptors: readonly number[] = []): void {
    const message = writeMessage(request, payload, { reply: true });
    try {
      const sent = this.socket.send(message, descriptors);
      if (sent < message.length) throw new ProtocolViolation('it does not read its replies');
    } finally {
      for (const fd of descriptors) closeSync(fd);
    }
  }
}

/** A front end that dies with replies unread, or before it gets one. */
function isHangup(thrown: unknown): boolean {
  return thrown instanceof SystemCallError && (thrown.code === 'ECONNRESET' || thrown.code === 'EPIPE');
}
