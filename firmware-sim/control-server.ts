import { lstat, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { BridgeError, messageOf, toBridgeError } from '../src/base/errors.js';
import { answerControl, MAX_REQUEST_LINE, parseControlLine } from './control-protocol.js';
import type { SimulatedCoprocessor } from './coprocessor.js';

/** A control socket that is served; see firmware-sim/control-protocol.ts. */
export interface ControlServer {
  readonly path: string;
  /** Ends all connections and removes the socket. Idempotent. */
  close(): Promise<void>;
}

/**
 * Serves the control socket at `path`; a socket there on which nobody listens any more is
 * replaced. Rejects with BUSY, PERMISSION_DENIED or IO_ERROR.
 */
export async function serveControl(path: string, coprocessor: SimulatedCoprocessor): Promise<ControlServer> {
  const connections = new Set<Socket>();
  const server = createServer((socket) => {
    connections.add(socket);
    socket.on('close', () => connections.delete(socket));
    serveConnection(socket, coprocessor);
  });
  await listen(server, path);
  let closing: Promise<void> | undefined;
  return {
    path,
    close() {
      closing ??= new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of connections) socket.destroy();
      });
      return closing;
    },
  };
}

function serveConnection(socket: Socket, coprocessor: SimulatedCoprocessor): void {
  let text = '';
  socket.setEncoding('utf8');
  socket.on('error', () => socket.destroy());
  socket.on('data', (piece: string) => {
    const lines = (text + piece).split('\n');
    text = lines.pop()!;
    for (const line of lines) {
      if (line.trim() !== '' && !answerLine(socket, line, coprocessor)) return;
    }
    if (text.length > MAX_REQUEST_LINE) answerLine(socket, text.slice(0, 16), coprocessor);
    // Who does not read the answers gets no more of them until he does.
    if (socket.writableLength > MAX_REQUEST_LINE) {
      socket.pause();
      socket.once('drain', () => socket.resume());
    }
  });
}

/** False when the connection was ended. */
function answerLine(socket: Socket, line: string, coprocessor: SimulatedCoprocessor): boolean {
  try {
    socket.write(`${JSON.stringify(answerControl(coprocessor, parseControlLine(line)))}\n`);
    return true;
  } catch (thrown) {
    const { name, message } = toBridgeError(thrown);
    socket.end(`${JSON.stringify({ id: null, error: { name, message } })}\n`);
    socket.removeAllListeners('data');
    return false;
  }
}

async function listen(server: Server, path: string): Promise<void> {
  try {
    await tryListen(server, path);
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code !== 'EADDRINUSE') throw explain(thrown, path);
    const there = await lstat(path).catch(() => undefined);
    if (there !== undefined && !there.isSocket()) {
      throw new BridgeError('BUSY', `${path}: exists and is not a socket: remove it, or choose another path`);
    }
    if (await answers(path)) throw new BridgeError('BUSY', `${path}: somebody listens there already`);
    await rm(path, { force: true });
    await tryListen(server, path).catch((again) => {
      throw explain(again, path);
    });
  }
}

function tryListen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Whether somebody listens on the socket; one that we may not ask counts as somebody. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'));
  });
}

function explain(thrown: unknown, path: string): BridgeError {
  const { code } = thrown as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EPERM') {
    return new BridgeError('PERMISSION_DENIED', `${path}: the directory needs write permission`, {
      cause: thrown,
    });
  }
  const why = code === 'ENOENT' ? 'there is no such directory' : messageOf(thrown);
  return new BridgeError('IO_ERROR', `${path}: ${why}`, { cause: thrown });
}
