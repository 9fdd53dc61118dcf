import { chmodSync, chownSync, closeSync, renameSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { basename, join } from 'node:path';
import { BridgeError, messageOf } from '../../base/errors.js';
import { bindUnix } from '../../linux/unix-listener.js';
import { MAX_SOCKET_PATH } from '../runtime-dir.js';

/** Who may connect to a socket. */
export interface SocketAccess {
  /** User and group id; undefined: the daemon's own. */
  readonly uid?: number;
  readonly gid?: number;
  /** Permission bits, as of chmod. */
  readonly mode: number;
}

export const DEFAULT_SOCKET_MODE = 0o660;

/**
 * Listens at `path`, replacing what is there. Owner, group and mode are set before the socket
 * listens, so that nobody else ever gets in, and before it gets its name. Throws PERMISSION_DENIED or IO_ERROR.
 */
export async function listenAt(
  path: string,
  scratchDir: string,
  access: SocketAccess,
  accept: (socket: Socket) => void,
): Promise<Server> {
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH) {
    throw new BridgeError(
      'IO_ERROR',
      `socket path '${path}' is longer than ${MAX_SOCKET_PATH} bytes: choose a shorter runtime directory or name`,
    );
  }
  // Of its own, since several sockets may be made at a time.
  const temporary = join(scratchDir, `.${basename(path)}.new`);
  const server = createServer({ pauseOnConnect: false }, accept);
  rmSync(temporary, { force: true });
  try {
    await listen(server, bindWith(temporary, access));
    renameSync(temporary, path);
  } catch (thrown) {
    server.close();
    rmSync(temporary, { force: true });
    const denied = ['EPERM', 'EACCES'].includes((thrown as NodeJS.ErrnoException).code ?? '');
    throw new BridgeError(
      denied ? 'PERMISSION_DENIED' : 'IO_ERROR',
      `socket '${path}' could not be made: ${messageOf(thrown)}`,
      { cause: thrown },
    );
  }
  return server;
}

/** Stops listening; connections live on. The path is removed at once. */
export function stopListening(server: Server, path: string): void {
  rmSync(path, { force: true });
  server.close();
}

/** A socket at `path` that does not listen yet; its descriptor. */
function bindWith(path: string, { uid, gid, mode }: SocketAccess): number {
  const fd = bindUnix(path);
  try {
    if (uid !== undefined || gid !== undefined) chownSync(path, uid ?? -1, gid ?? -1);
    chmodSync(path, mode);
    return fd;
  } catch (thrown) {
    closeSync(fd);
    throw thrown;
  }
}

function listen(server: Server, fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ fd }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
