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
import { CALLS_PER_TURN, MAX_CALLS, MAX_NOTICES, UNSENT_PAUSE } from './limits.js';
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

type Call = readonly [type: 0, id: number, method: string, params: readonly unknown[]];

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
  /** Calls read and not begun: at most what one read brought. */
  #backlog: Call[] = [];
  #closed = false;
  /** A chunk is on its way to the kernel: its bytes are not ours until it is written. */
  #writing = false;
  /** Number of the latest write of events or notices. */
  #writes = 0;
  #flushPlanned = false;
  #turnPlanned = false;
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
    socket.on('drain', () => this.#goOn());
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
    this.#backlog = [];
    this.#session.close();
    this.#options.onClose(this);
  }

  #receive(chunk: Uint8Array): void {
    const broken = this.#splitter.push(chunk, (bytes, start, end) => {
      this.#message(decodeValue(bytes.subarray(start, end)));
    });
    if (broken !== undefined) this.#breakOff();
    this.#goOn();
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
      this.#backlog.push(message);
    } else if (isNotification(message)) {
      // None is defined: the protocol wants unknown ones ignored.
      this.#options.counters.notifications_ignored++;
    } else {
      this.#breakOff();
    }
  }

  async #answer([, id, method, params]: Call): Promise<void> {
    const { counters } = this.#options;
    counters.calls++;
    this.#calls++;
    let error: BridgeError | undefined;
    let result: unknown = null;
    try {
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
    this.#goOn();
  }

  /**
   * Begins calls that were read, as far as may be; then reads on. Only some in one turn: a client
   * that asks for a lot at once shares the daemon with the others.
   */
  #goOn(): void {
    if (this.#closed || this.#turnPlanned) return;
    for (let begun = 0; begun < CALLS_PER_TURN && this.#mayBegin(); begun++) {
      void this.#answer(this.#backlog.shift()!);
    }
    if (this.#mayBegin()) {
      this.#turnPlanned = true;
      setImmediate(() => {
        this.#turnPlanned = false;
        this.#goOn();
      });
    }
    this.#regulate();
  }

  #mayBegin(): boolean {
    return this.#backlog.length > 0 && this.#calls < MAX_CALLS && this.#socket.writableLength < UNSENT_PAUSE;
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
    if (this.#backlog.length > 0 || this.#calls >= MAX_CALLS) this.#socket.pause();
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

function isCall(message: readonly unknown[]): message is Call {
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
