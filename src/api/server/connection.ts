import type { Socket } from 'node:net';
import { BridgeError, toBridgeError } from '../../base/errors.js';
import type { RequestEvent } from '../client/types.js';
import { EventQueue } from '../event-queue.js';
import { decodeValue } from '../msgpack/decode.js';
import { MessageSplitter } from '../msgpack/splitter.js';
import { Writer } from '../msgpack/writer.js';
import { MAX_MESSAGE, MESSAGE } from '../schema.js';
import type { ApiCounters } from './counters.js';
import { CHUNK_SIZE, type EventOwner, writeEventMessages } from './event-messages.js';
import { CALLS_PAUSE, MAX_CALLS, MAX_NOTICES, UNSENT_PAUSE } from './limits.js';
import { type Notice, NoticeQueue } from './notices.js';
import { wireError } from './wire-shapes.js';

/** A result, and what is to be done once it has been sent. */
export class ResultThen {
  constructor(
    readonly result: unknown,
    readonly afterwards: () => void,
  ) {}
}

/** What a connection leads to: the methods of its socket. */
export interface Session {
  /** Answers one call, with a promise or a {@link ResultThen} where it wants to; may throw. */
  call(method: string, params: readonly unknown[]): unknown;
  /** The connection is gone: gives back what it owned. Called once. */
  close(): void;
}

export interface ConnectionOptions {
  readonly clientQueue: number;
  readonly counters: ApiCounters;
  readonly realtimeOffsetNs: () => bigint;
  readonly onClose: (connection: Connection) => void;
}

const NO_CHUNK = new Writer(0);

/**
 * One client. Calls are answered as soon as they can be; events and notices wait in bounded queues
 * and go out as fast as the client takes them, all that is ready at once. A client that breaks the
 * format is disconnected, and one that is slow loses its own oldest events: nobody else notices.
 */
export class Connection {
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #session: Session;
  readonly #splitter = new MessageSplitter(MAX_MESSAGE);
  readonly #events: EventQueue<EventOwner>;
  readonly #notices = new NoticeQueue(MAX_NOTICES);
  #calls = 0;
  #closed = false;
  /** A chunk is on its way to the kernel: its bytes are not ours until it is written. */
  #writing = false;
  /** Number of the latest write of events or notices. */
  #writes = 0;
  #flushPlanned = false;
  #ending = false;
  /** Where events are encoded; made when the first ones come. */
  #chunk = NO_CHUNK;
  #countedDrops = 0;

  constructor(socket: Socket, options: ConnectionOptions, openSession: (connection: Connection) => Session) {
    this.#socket = socket;
    this.#options = options;
    this.#events = new EventQueue({
      limit: options.clientQueue,
      realtimeOffsetNs: options.realtimeOffsetNs,
    });
    this.#session = openSession(this);
    socket.on('data', (chunk) => this.#receive(chunk));
    socket.on('drain', () => this.#regulate());
    // What breaks a connection also closes it; there is nobody left to tell.
    socket.on('error', () => {});
    socket.on('close', () => this.#closeOnce());
  }

  /** Queues events of a request; they go out after whatever runs now. */
  pushEvents(owner: EventOwner, events: readonly RequestEvent[]): void {
    if (this.#closed) return;
    this.#events.push(owner, events);
    this.#options.counters.events_dropped += this.#events.dropped - this.#countedDrops;
    this.#countedDrops = this.#events.dropped;
    this.#planFlush();
  }

  /** Queues a change that this connection watches for. */
  notify(notice: Notice): void {
    if (this.#closed) return;
    this.#notices.push(notice);
    this.#planFlush();
  }

  /** Sends what is queued, as the client takes it, then ends the connection; resolves when it is closed. */
  end(): Promise<void> {
    this.#ending = true;
    this.#planFlush();
    return new Promise((resolve) => {
      if (this.#socket.closed) resolve();
      else this.#socket.once('close', () => resolve());
    });
  }

  /** Ends the connection at once. */
  destroy(): void {
    this.#socket.destroy();
    this.#closeOnce();
  }

  #closeOnce(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#splitter.stop();
    this.#session.close();
    this.#options.onClose(this);
  }

  #receive(chunk: Uint8Array): void {
    const broken = this.#splitter.push(chunk, (bytes, start, end) => {
      this.#message(decodeValue(bytes.subarray(start, end)));
    });
    if (broken !== undefined) this.#breakOff();
    this.#regulate();
  }

  #breakOff(): void {
    if (this.#closed) return;
    this.#options.counters.clients_broke_format++;
    this.destroy();
  }

  #message(message: unknown): void {
    if (this.#closed) return;
    if (!Array.isArray(message)) {
      this.#breakOff();
    } else if (isCall(message)) {
      void this.#answer(message[1], message[2], message[3]);
    } else if (isNotification(message)) {
      // None is defined: the protocol wants unknown ones ignored.
      this.#options.counters.notifications_ignored++;
    } else {
      this.#breakOff();
    }
  }

  async #answer(id: number, method: string, params: readonly unknown[]): Promise<void> {
    const { counters } = this.#options;
    counters.calls++;
    this.#calls++;
    let error: BridgeError | undefined;
    let result: unknown = null;
    try {
      if (this.#calls > MAX_CALLS) {
        throw new BridgeError('QUEUE_FULL', `more than ${MAX_CALLS} calls under way on one connection`);
      }
      result = (await this.#session.call(method, params)) ?? null;
    } catch (thrown) {
      error = toBridgeError(thrown);
      counters.calls_failed++;
    }
    this.#calls--;
    if (this.#closed) return;
    if (result instanceof ResultThen) {
      this.#respond(id, error, result.result);
      result.afterwards();
    } else {
      this.#respond(id, error, result);
    }
    this.#regulate();
  }

  #respond(id: number, error: BridgeError | undefined, result: unknown): void {
    let bytes = encode([MESSAGE.RESPONSE, id, error === undefined ? null : wireError(error), result]);
    if (bytes.length > MAX_MESSAGE) {
      const tooLong = new BridgeError('INTERNAL', `the answer is longer than ${MAX_MESSAGE} bytes`);
      bytes = encode([MESSAGE.RESPONSE, id, wireError(tooLong), null]);
    }
    this.#socket.write(bytes);
  }

  /** Reads no further from a client that asks faster than it is answered, or does not take its answers. */
  #regulate(): void {
    if (this.#closed) return;
    const behind = this.#calls >= CALLS_PAUSE || this.#socket.writableLength >= UNSENT_PAUSE;
    if (behind) this.#socket.pause();
    else if (this.#socket.isPaused()) this.#socket.resume();
  }

  #planFlush(): void {
    if (this.#flushPlanned || this.#writing) return;
    this.#flushPlanned = true;
    // One flush for all that is pushed by what runs now: usually one read of a link.
    queueMicrotask(() => {
      this.#flushPlanned = false;
      this.#flush();
    });
  }

  #flush(): void {
    while (!this.#writing && !this.#closed) {
      const notice = this.#notices.take();
      if (notice !== undefined) this.#write(encode([MESSAGE.NOTIFICATION, ...notice]));
      else if (!this.#events.isEmpty) this.#writeEvents();
      else break;
    }
    if (this.#ending && !this.#writing && !this.#closed) this.#socket.end();
  }

  #writeEvents(): void {
    if (this.#chunk === NO_CHUNK) this.#chunk = new Writer(CHUNK_SIZE);
    const chunk = this.#chunk;
    chunk.at = 0;
    writeEventMessages(chunk, this.#events);
    this.#options.counters.event_writes++;
    this.#write(chunk.bytes.subarray(0, chunk.at));
  }

  /** Writes, and waits where the kernel does not take all of it at once. */
  #write(bytes: Uint8Array): void {
    const write = ++this.#writes;
    this.#socket.write(bytes, () => {
      // Callbacks of writes that were done at once come late, when another one may be under way.
      if (!this.#writing || write !== this.#writes) return;
      this.#writing = false;
      this.#flush();
    });
    this.#writing = this.#socket.writableLength > 0;
  }
}

function encode(message: readonly unknown[]): Uint8Array {
  const out = new Writer();
  out.value(message);
  return out.bytes.subarray(0, out.at);
}

function isCall(message: readonly unknown[]): message is [0, number, string, readonly unknown[]] {
  return (
    message.length === 4 &&
    message[0] === MESSAGE.REQUEST &&
    isMessageId(message[1]) &&
    typeof message[2] === 'string' &&
    Array.isArray(message[3])
  );
}

function isNotification(message: readonly unknown[]): boolean {
  return (
    message.length === 3 &&
    message[0] === MESSAGE.NOTIFICATION &&
    typeof message[1] === 'string' &&
    Array.isArray(message[2])
  );
}

function isMessageId(id: unknown): id is number {
  return typeof id === 'number' && Number.isInteger(id) && id >= 0 && id <= 0xffff_ffff;
}
