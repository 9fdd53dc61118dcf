import { chmodSync, lstatSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { type Observable, ReplaySubject, Subject } from 'rxjs';
import type { Clock } from '../../base/clock.js';
import { BridgeError } from '../../base/errors.js';
import type { ByteStream } from '../byte-stream.js';
import type { StreamListener } from '../listener.js';
import { listenFailed, makeRoomForSocket, removeIf } from '../socket-file.js';
import { type ClaimedName, claimName } from './pty-name.js';
import { PtyStream } from './pty-stream.js';
import { type SocketAddress, SocketStream } from './socket.js';

export type ListenAddress = SocketAddress | { readonly kind: 'pty'; readonly path: string };

/** Listens; rejects with BUSY, PERMISSION_DENIED or IO_ERROR, in one line with the remedy. */
export function listenOn(address: ListenAddress, clock: Pick<Clock, 'monotonicNs'>): Promise<StreamListener> {
  switch (address.kind) {
    case 'pty':
      return listenPty(address.path, clock);
    case 'unix':
      return listenUnix(address.path, clock);
    case 'tcp':
      return listenTcp(address.host, address.port, clock);
  }
}

/** A pty; `path` is a symbolic link to its slave, made in one step. */
async function listenPty(path: string, clock: Pick<Clock, 'monotonicNs'>): Promise<StreamListener> {
  const name = `pty:${path}`;
  const claimed = await claim(name, path);
  let stream: PtyStream | undefined;
  try {
    stream = new PtyStream(name, clock, (slavePath) => pointTo(slavePath, path));
    pointTo(stream.slavePath, path);
  } catch (error) {
    await stream?.close();
    await claimed.release();
    throw listenFailed(name, error as NodeJS.ErrnoException);
  }
  const served = stream;
  const streams = new ReplaySubject<ByteStream>(1);
  streams.next(served);
  const close = async () => {
    await served.close();
    streams.complete();
    // Somebody may have put something else there meanwhile.
    removeIf(path, (stat) => stat.isSymbolicLink() && readlinkSync(path) === served.slavePath);
    await claimed.release();
  };
  return { name, streams$: streams.asObservable(), close };
}

/** Throws unless there is nothing at `path` but a link that no program serves any more. */
async function claim(name: string, path: string): Promise<ClaimedName> {
  try {
    refuseOtherThanLink(name, path);
    return await claimName(name, path);
  } catch (error) {
    throw error instanceof BridgeError ? error : listenFailed(name, error as NodeJS.ErrnoException);
  }
}

function refuseOtherThanLink(name: string, path: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined || stat.isSymbolicLink()) return;
  throw new BridgeError(
    'BUSY',
    `${name}: ${path} exists and is not a symbolic link: remove it, or choose another path`,
  );
}

function pointTo(target: string, path: string): void {
  const fresh = `${path}.${process.pid}.new`;
  rmSync(fresh, { force: true });
  symlinkSync(target, fresh);
  renameSync(fresh, path);
}

async function listenUnix(path: string, clock: Pick<Clock, 'monotonicNs'>): Promise<StreamListener> {
  const name = `unix:${path}`;
  await makeRoomForSocket(name, path, isLive);
  const listener = await startServer(name, { path }, clock, () => name);
  try {
    chmodSync(path, 0o660);
  } catch (error) {
    await listener.close();
    throw listenFailed(name, error as NodeJS.ErrnoException);
  }
  return listener;
}

function listenTcp(host: string, port: number, clock: Pick<Clock, 'monotonicNs'>): Promise<StreamListener> {
  return startServer(`tcp:${host}:${port}`, { host, port }, clock, (server) => {
    const bound = server.address();
    return `tcp:${host}:${typeof bound === 'object' && bound !== null ? bound.port : port}`;
  });
}

function isLive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect({ path });
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    // Only a refusal means that nobody is there; without permission we cannot know, and leave it.
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'));
  });
}

function startServer(
  requested: string,
  where: { path: string } | { host: string; port: number },
  clock: Pick<Clock, 'monotonicNs'>,
  nameOf: (server: Server) => string,
): Promise<StreamListener> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error) => reject(listenFailed(requested, error)));
    server.listen(where, () => {
      server.removeAllListeners('error');
      resolve(new ServerListener(nameOf(server), server, clock));
    });
  });
}

class ServerListener implements StreamListener {
  readonly streams$: Observable<ByteStream>;
  private readonly streams = new Subject<ByteStream>();
  private readonly open = new Set<ByteStream>();
  private closing: Promise<void> | undefined;

  constructor(
    readonly name: string,
    private readonly server: Server,
    clock: Pick<Clock, 'monotonicNs'>,
  ) {
    this.streams$ = this.streams.asObservable();
    // Out of descriptors, for one: the connection is lost, the listener goes on.
    server.on('error', () => undefined);
    server.on('connection', (socket) => {
      const stream = new SocketStream(name, socket, clock);
      this.open.add(stream);
      stream.end$.subscribe(() => this.open.delete(stream));
      this.streams.next(stream);
    });
  }

  close(): Promise<void> {
    this.closing ??= new Promise((resolve) => {
      this.server.close(() => resolve());
      for (const stream of [...this.open]) void stream.close();
      this.streams.complete();
    });
    return this.closing;
  }
}
