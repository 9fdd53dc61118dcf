import { connect as connectSocket, type Socket } from 'node:net';
import { BridgeError, ERROR_CODES, type ErrorName, messageOf } from '../../base/errors.js';
import { TIMEOUTS } from '../../base/timeouts.js';
import { decode, encode } from '../msgpack/codec.js';
import { MessageSplitter } from '../msgpack/splitter.js';
import { MAX_MESSAGE, MESSAGE, NOTIFICATION } from '../schema.js';

/** What comes without having been asked for. */
export interface RpcEvents {
  /** An `events` notification: its rows (event-rows.ts). May throw: then the connection is broken. */
  events?(requestId: number, rows: readonly unknown[]): void;
  /** Any other notification. */
  notification?(method: string, params: readonly unknown[]): void;
  /** Once, when the connection is gone. */
  closed?(error: BridgeError): void;
}

interface Waiter {
  /** Takes the result before anything that came behind it is looked at. */
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: BridgeError) => void;
  readonly timer: NodeJS.Timeout;
}

/** Bytes of one read. */
const READ_SIZE = 65_536;

/** A connection to one socket of the daemon: MessagePack-RPC, calls in any number at once. */
export class RpcConnection {
  readonly #socket: Socket;
  readonly #path: string;
  readonly #timeoutMs: number;
  readonly #events: RpcEvents;
  readonly #waiters = new Map<number, Waiter>();
  readonly #splitter = new MessageSplitter(MAX_MESSAGE);
  #nextId = 0;
  #closed: BridgeError | undefined;

  /** Connects; rejects with NOT_FOUND, NO_DAEMON, PERMISSION_DENIED, TIMEOUT or IO_ERROR. */
  static open(path: string, timeoutMs: number, events: RpcEvents = {}): Promise<RpcConnection> {
    return new Promise((resolve, reject) => {
      const connection = new RpcConnection(path, timeoutMs, events);
      const socket = connection.#socket;
      const timer = setTimeout(() => {
        socket.destroy(errnoError('ETIMEDOUT'));
      }, TIMEOUTS.connect.defaultMs);
      socket.once('connect', () => {
        clearTimeout(timer);
        socket.off('error', failed);
        resolve(connection);
      });
      const failed = (error: NodeJS.ErrnoException) => {
        clearTimeout(timer);
        reject(connectError(error, path));
      };
      socket.once('error', failed);
    });
  }

  private constructor(path: string, timeoutMs: number, events: RpcEvents) {
    this.#path = path;
    this.#timeoutMs = timeoutMs;
    this.#events = events;
    const buffer = new Uint8Array(READ_SIZE);
    this.#socket = connectSocket({
      path,
      onread: {
        buffer,
        callback: (length) => {
          this.#receive(buffer.subarray(0, length));
          return true;
        },
      },
    });
    this.#socket.on('error', (error) => this.#close(lost(this.#path, error.message)));
    this.#socket.on('close', () => this.#close(lost(this.#path, 'the daemon closed it')));
  }

  /** Calls a method; rejects with the daemon's error, TIMEOUT, or NO_DAEMON when the connection breaks. */
  call(method: string, params: readonly unknown[] = []): Promise<unknown> {
    return this.callThen(method, params, (result) => result);
  }

  /**
   * As {@link call}; `take` gets the result before anything that came behind it is looked at, and
   * what it returns is the promise's value.
   */
  callThen<Value>(
    method: string,
    params: readonly unknown[],
    take: (result: unknown) => Value,
  ): Promise<Value> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    const id = this.#nextId;
    this.#nextId = (id + 1) >>> 0;
    // Made here, so that its stack shows the caller.
    const late = new BridgeError(
      'TIMEOUT',
      `the daemon did not answer ${method} within ${this.#timeoutMs} ms (time limit client_call)`,
    );
    return new Promise((resolve, reject) => {
      const call = encodeCall(id, method, params);
      const timer = setTimeout(() => {
        this.#waiters.delete(id);
        reject(late);
      }, this.#timeoutMs);
      this.#waiters.set(id, { resolve: (result) => resolve(take(result)), reject, timer });
      this.#socket.write(call);
    });
  }

  /** Calls under way. */
  get pendingCalls(): number {
    return this.#waiters.size;
  }

  /** Stops reading; what comes waits in the kernel and then in the daemon. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    if (this.#closed === undefined) this.#socket.resume();
  }

  close(): void {
    this.#close(new BridgeError('CLOSED', `the connection to '${this.#path}' was closed`));
  }

  #close(error: BridgeError): void {
    if (this.#closed !== undefined) return;
    this.#closed = error;
    this.#splitter.stop();
    this.#socket.destroy();
    for (const id of [...this.#waiters.keys()]) this.#settle(id)!.reject(error);
    this.#events.closed?.(error);
  }

  #settle(id: number): Waiter | undefined {
    const waiter = this.#waiters.get(id);
    if (waiter === undefined) return undefined;
    this.#waiters.delete(id);
    clearTimeout(waiter.timer);
    return waiter;
  }

  #receive(chunk: Uint8Array): void {
    try {
      const broken = this.#splitter.push(chunk, (message) => this.#message(decode(message)));
      if (broken !== undefined) throw new Error(broken.error);
    } catch (thrown) {
      const why = messageOf(thrown);
      this.#close(
        new BridgeError('PROTOCOL_ERROR', `'${this.#path}' sent something that is no answer: ${why}`),
      );
    }
  }

  #message(message: unknown): void {
    if (!Array.isArray(message)) throw new Error('a message that is no array');
    const [type, first, second, third] = message;
    if (type === MESSAGE.NOTIFICATION && typeof first === 'string' && Array.isArray(second)) {
      this.#notification(first, second);
    } else if (type === MESSAGE.RESPONSE && message.length === 4 && typeof first === 'number') {
      const waiter = this.#settle(first);
      if (second === null) waiter?.resolve(third);
      else waiter?.reject(remoteError(second));
    } else {
      throw new Error(`a message of type ${type}`);
    }
  }

  #notification(method: string, params: readonly unknown[]): void {
    if (method !== NOTIFICATION.EVENTS) {
      this.#events.notification?.(method, params);
      return;
    }
    const [id, rows] = params;
    if (typeof id !== 'number' || !Array.isArray(rows)) throw new Error('malformed events');
    this.#events.events?.(id, rows);
  }
}

/** A call's bytes; throws INVALID_ARGUMENT for what cannot be sent. */
function encodeCall(id: number, method: string, params: readonly unknown[]): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = encode([MESSAGE.REQUEST, id, method, params]);
  } catch (thrown) {
    throw new BridgeError('INVALID_ARGUMENT', `${method}: ${messageOf(thrown)}`, { cause: thrown });
  }
  if (bytes.length <= MAX_MESSAGE) return bytes;
  throw new BridgeError('INVALID_ARGUMENT', `${method}: more than ${MAX_MESSAGE} bytes`);
}

/** The daemon's error as an error of this process. */
function remoteError(error: unknown): BridgeError {
  const { name, message } = (error ?? {}) as { name?: unknown; message?: unknown };
  const known = typeof name === 'string' && Object.hasOwn(ERROR_CODES, name);
  return new BridgeError(
    known ? (name as ErrorName) : 'INTERNAL',
    typeof message === 'string' ? message : String(name),
  );
}

function lost(path: string, why: string): BridgeError {
  return new BridgeError('NO_DAEMON', `the connection to '${path}' is gone: ${why}`);
}

function errnoError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code });
}

/** Why a connection could not be made, as an error with a remedy. */
function connectError(error: NodeJS.ErrnoException, path: string): BridgeError {
  switch (error.code) {
    case 'ENOENT':
      return new BridgeError('NOT_FOUND', `there is no socket '${path}'`, { cause: error });
    case 'ECONNREFUSED':
      return new BridgeError('NO_DAEMON', `no daemon listens on '${path}'`, { cause: error });
    case 'EACCES':
    case 'EPERM':
      return new BridgeError(
        'PERMISSION_DENIED',
        `no permission to use '${path}': become a member of its group (ls -l shows it)`,
        { cause: error },
      );
    case 'ETIMEDOUT':
      return new BridgeError(
        'TIMEOUT',
        `'${path}' took no connection within ${TIMEOUTS.connect.defaultMs} ms (time limit connect)`,
      );
    default:
      return new BridgeError('IO_ERROR', `cannot connect to '${path}': ${error.message}`, { cause: error });
  }
}
