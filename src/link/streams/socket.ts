import { connect, type Socket } from 'node:net';
import { defer, type Observable } from 'rxjs';
import type { Clock, Timers } from '../../base/clock.js';
import { BridgeError } from '../../base/errors.js';
import type { ByteStream, ReceivedBytes, StreamEnd } from '../byte-stream.js';
import type { LinkDownCause } from '../packet-link.js';
import { StreamOutlets } from './stream-outlets.js';

/** Where a socket stream connects to, or listens. */
export type SocketAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

/** A connected socket as a byte stream: it has no speed, and a byte is written out when the kernel has it. */
export class SocketStream implements ByteStream {
  /** Reading begins with the first subscription. */
  readonly data$: Observable<ReceivedBytes>;
  readonly end$: Observable<StreamEnd>;
  readonly bytesPerSecond = undefined;

  private readonly outlets: StreamOutlets;
  private readonly closed: Promise<void>;

  /** Takes over the socket. */
  constructor(
    readonly name: string,
    private readonly socket: Socket,
    clock: Pick<Clock, 'monotonicNs'>,
  ) {
    this.outlets = new StreamOutlets(name, clock);
    this.data$ = defer(() => {
      if (socket.listenerCount('data') === 0) socket.on('data', (bytes) => this.outlets.receive(bytes));
      return this.outlets.data$;
    });
    this.end$ = this.outlets.end$;
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.setNoDelay(true);
    socket.on('error', (error) => this.finish('gone', explainBroken(error)));
    socket.on('end', () => this.finish('gone', 'the other end closed the connection'));
    socket.on('close', () => this.finish('gone', 'the connection was closed'));
  }

  get pendingBytes(): number {
    return this.socket.writableLength;
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.outlets.isOver) return Promise.reject(this.outlets.downError());
    return new Promise((resolve, reject) => {
      this.socket.write(bytes, (error) => {
        if (error == null) resolve();
        else reject(this.outlets.downError());
      });
    });
  }

  close(): Promise<void> {
    this.finish('closed', 'closed');
    return this.closed;
  }

  private finish(cause: LinkDownCause, reason: string): void {
    if (this.outlets.end({ cause, reason })) this.socket.destroy();
  }
}

function explainBroken(error: NodeJS.ErrnoException): string {
  return error.code === 'ECONNRESET' || error.code === 'EPIPE'
    ? 'the other end closed the connection'
    : `the connection broke: ${error.message}`;
}

export interface ConnectOptions {
  readonly time: Pick<Clock, 'monotonicNs'> & Timers;
  /** The limit `connect` of base/timeouts.ts. */
  readonly connectMs: number;
}

/** Connects; rejects with IO_ERROR, PERMISSION_DENIED or TIMEOUT, in one line with the remedy. */
export function connectSocket(
  name: string,
  address: SocketAddress,
  { time, connectMs }: ConnectOptions,
): Promise<ByteStream> {
  return new Promise((resolve, reject) => {
    const socket =
      address.kind === 'unix'
        ? connect({ path: address.path })
        : connect({ host: address.host, port: address.port });
    const timer = time.set(() => {
      socket.destroy();
      reject(new BridgeError('TIMEOUT', `${name}: no connection within ${connectMs} ms (connect)`));
    }, connectMs);
    const failed = (error: Error) => {
      time.clear(timer);
      reject(refusal(name, address, error));
    };
    socket.once('error', failed);
    socket.once('connect', () => {
      time.clear(timer);
      socket.off('error', failed);
      resolve(new SocketStream(name, socket, time));
    });
  });
}

function refusal(name: string, address: SocketAddress, error: NodeJS.ErrnoException): BridgeError {
  const where = address.kind === 'unix' ? address.path : `${address.host} port ${address.port}`;
  const failed = (why: string) => new BridgeError('IO_ERROR', `${name}: ${why}`, { cause: error });
  switch (error.code) {
    case 'ENOENT':
      return failed(`there is no socket ${where}: start the other end first`);
    case 'ECONNREFUSED':
      return failed(`nobody listens on ${where}: start the other end first`);
    case 'ENOTSOCK':
      return failed(`${where} is not a socket`);
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return failed(`the host name cannot be resolved`);
    case 'EACCES':
    case 'EPERM': {
      const message = `${name}: connecting needs write permission on ${where}`;
      return new BridgeError('PERMISSION_DENIED', message, { cause: error });
    }
    default:
      return failed(error.message);
  }
}
