import { lstatSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Server as NetServer, Socket } from 'node:net';
import { dirname } from 'node:path';
import { listenAt, type SocketAccess, stopListening } from '../../api/server/socket.js';
import { BridgeError } from '../../base/errors.js';
import { CONTENT_TYPE } from './metric-set.js';

/** Scrapers are few. */
const MOST_CONNECTIONS = 16;
/** A scrape takes milliseconds; whoever takes this long is not one. */
const CONNECTION_MS = 10_000;

/** Answers `GET /metrics` over a Unix socket. */
export class MetricsSocket {
  readonly #path: string;
  readonly #server: NetServer;
  readonly #connections: Set<Socket>;

  /** Rejects with PERMISSION_DENIED or IO_ERROR. */
  static async open(
    path: string,
    access: SocketAccess,
    render: () => Promise<string>,
    onError: (error: unknown) => void,
  ): Promise<MetricsSocket> {
    refuseOtherFiles(path);
    const connections = new Set<Socket>();
    const http = createServer((request, response) => void answer(request, response, render, onError));
    const server = await listenAt(path, dirname(path), access, (socket) => accept(http, connections, socket));
    server.on('error', onError);
    return new MetricsSocket(path, server, connections);
  }

  private constructor(path: string, server: NetServer, connections: Set<Socket>) {
    this.#path = path;
    this.#server = server;
    this.#connections = connections;
  }

  close(): void {
    stopListening(this.#server, this.#path);
    for (const socket of this.#connections) socket.destroy();
  }
}

/** A socket that a daemon before this one left is replaced; whatever else is there is not ours. */
function refuseOtherFiles(path: string): void {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined || stats.isSocket()) return;
  throw new BridgeError('IO_ERROR', `metrics.socket: '${path}' is there already, and is no socket`);
}

/** HTTP on a connection of a socket that another server listens on. */
function accept(http: Server, connections: Set<Socket>, socket: Socket): void {
  if (connections.size >= MOST_CONNECTIONS) {
    socket.destroy();
    return;
  }
  connections.add(socket);
  const limit = setTimeout(() => socket.destroy(), CONNECTION_MS);
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    clearTimeout(limit);
    connections.delete(socket);
  });
  http.emit('connection', socket);
}

async function answer(
  { method, url }: IncomingMessage,
  response: ServerResponse,
  render: () => Promise<string>,
  onError: (error: unknown) => void,
): Promise<void> {
  const end = (status: number, text: string, headers: Readonly<Record<string, string>> = {}): void => {
    const common = { 'content-type': 'text/plain; charset=utf-8', connection: 'close' };
    const length = { 'content-length': String(Buffer.byteLength(text)) };
    response.writeHead(status, { ...common, ...length, ...headers });
    response.end(method === 'HEAD' ? undefined : text);
  };
  if (method !== 'GET' && method !== 'HEAD') return end(405, 'only GET\n', { allow: 'GET, HEAD' });
  if (url?.split('?')[0] !== '/metrics') return end(404, 'the metrics are at /metrics\n');
  try {
    end(200, await render(), { 'content-type': CONTENT_TYPE });
  } catch (thrown) {
    onError(thrown);
    end(500, 'the metrics could not be collected\n');
  }
}
