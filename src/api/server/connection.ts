import type { Socket } from 'node:net';
import { BridgeError, toBridgeError } from '../../base/errors.js';
import type { RequestEvent } from '../client/types.js';
import { EventQueue } from '../event-queue.js';
import { decode, encode } from '../msgpack/codec.js';
import { MessageSplitter } from '../msgpack/splitter.js';
import { MAX_MESSAGE, MESSAGE } from '../schema.js';
import type { Caller, CallTurns } from './call-turns.js';
import type { ApiCounters } from './counters.js';
import { type EventOwner, takeEventMessage } from './event-messages.js';
import { MAX_CALLS, MAX_NOTICES, UNSENT_PAUSE } from './limits.js';
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
  /** Of all connections. */
  readonly turns: CallTurns;
  readonly realtimeOffsetNs: () => bigint;
  readonly onClose: (connection: Connection) => void;
}

interface Call {
  readonly id: number;
  readonly method: string;
  readonly params: readonly unknown[];
}

/**
 * One client. Calls are answered as soon as they can be; events and notices wait in bounded queues
 * and go out as fast as the client takes them, all that is ready at once. A client that breaks the
 * format is disconnected, and one that is slow loses its own oldest events: nobody else notices.
 */
export class Connection implements Caller {
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
  #flushPlanned = false;
  #ending = false;
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
    socket.on('drain', () => {
      this.#goOn();
      this.#flush();
    });
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
    this.#options.turns.leave(this);
    this.#session.close();
    this.#options.onClose(this);
  }

  #receive(chunk: Uint8Array): void {
    const broken = this.#splitter.push(chunk, (message) => this.#message(message));
    if (broken !== undefined) this.#breakOff();
    this.#goOn();
  }

  #message(bytes: Uint8Array): void {
    if (this.#closed) return;
    const message = parseMessage(bytes);
    if (message === undefined) this.#breakOff();
    // No notification is defined: the protocol wants unknown ones ignored.
    else if (message === 'notification') this.#options.counters.notifications_ignored++;
    else this.#backlog.push(message);
  }

  #breakOff(): void {
    if (this.#closed) return;
    this.#options.counters.clients_broke_format++;
    this.destroy();
  }

  /** One call of the backlog; answered before this returns where the session can. */
  beginCall(): boolean {
    if (this.#closed || !this.#mayBegin()) return false;
    const { id, method, params } = this.#backlog.shift()!;
    this.#options.counters.calls++;
    this.#call(id, method, params);
    if (this.#backlog.length === 0) this.#regulate();
    return true;
  }

  #call(id: number, method: string, params: readonly unknown[]): void {
    let result: unknown;
    try {
      result = this.#session.call(method, params);
    } catch (thrown) {
      this.#failed(id, thrown);
      return;
    }
    if (result instanceof Promise) void this.#answerLater(id, result);
    else this.#answer(id, result);
  }

  async #answerLater(id: number, promise: Promise<unknown>): Promise<void> {
    this.#calls++;
    try {
      const result = await promise;
      this.#calls--;
      this.#answer(id, result);
    } catch (thrown) {
      this.#calls--;
      this.#failed(id, thrown);
    }
    this.#goOn();
  }

  #answer(id: number, result: unknown): void {
    if (this.#closed) return;
    if (result instanceof ResultThen) {
      this.#respond(id, undefined, result.result);
      result.afterwards();
    } else {
      this.#respond(id, undefined, result ?? null);
    }
  }

  #failed(id: number, thrown: unknown): void {
    this.#options.counters.calls_failed++;
    if (!this.#closed) this.#respond(id, toBridgeError(thrown), null);
  }

  /** Begins calls that were read, as far as may be and others have their turns; then reads on. */
  #goOn(): void {
    if (this.#closed) return;
    if (this.#mayBegin()) this.#options.turns.ask(this);
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
    if (this.#flushPlanned) return;
    this.#flushPlanned = true;
    // One flush for all that is pushed by what runs now: usually one read of a link.
    queueMicrotask(() => {
      this.#flushPlanned = false;
      this.#flush();
    });
  }

  /** Sends what is queued as far as the client takes it; 'drain' goes on. */
  #flush(): void {
    const socket = this.#socket;
    socket.cork();
    while (socket.writable && !socket.writableNeedDrain) {
      const message = this.#nextMessage();
      if (message === undefined) {
        if (this.#ending) socket.end();
        break;
      }
      socket.write(message);
    }
    socket.uncork();
  }

  #nextMessage(): Uint8Array | undefined {
    const notice = this.#notices.take();
    if (notice !== undefined) return encode([MESSAGE.NOTIFICATION, ...notice]);
    const events = takeEventMessage(this.#events);
    if (events !== undefined) this.#options.counters.event_messages++;
    return events;
  }
}

/** What a client sent: a call, or a notification; undefined for what is neither. */
function parseMessage(bytes: Uint8Array): Call | 'notification' | undefined {
  let message: unknown;
  try {
    message = decode(bytes);
  } catch {
    // Map keys that are neither string nor number, malformed timestamps, ...
    return undefined;
  }
  if (!Array.isArray(message)) return undefined;
  const type = uint32(message[0]);
  if (type === MESSAGE.NOTIFICATION && message.length === 3) {
    return typeof message[1] === 'string' && Array.isArray(message[2]) ? 'notification' : undefined;
  }
  if (type !== MESSAGE.REQUEST || message.length !== 4) return undefined;
  const id = uint32(message[1]);
  const [, , method, params] = message;
  if (id === undefined || typeof method !== 'string' || !Array.isArray(params)) return undefined;
  return { id, method, params };
}

/** An integer of 32 bits, which encoders are free to write in 64; undefined for anything else. */
function uint32(value: unknown): number | undefined {
  const number = typeof value === 'bigint' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isInteger(number)) return undefined;
  return number >= 0 && number <= 0xffff_ffff ? number : undefined;
}
