import { chmodSync, chownSync, renameSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { basename, join } from 'node:path';
import { BridgeError, messageOf } from '../../base/errors.js';
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

/** Nobody, until owner and mode are what they shall be. */
const UMASK_WHILE_LISTENING = 0o777;

/**
 * Listens at `path`, replacing what is there. Owner, group and mode are set before the socket gets
 * its name, so that nobody else ever gets in. Throws PERMISSION_DENIED or IO_ERROR.
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
    await listen(server, temporary);
    if (access.uid !== undefined || access.gid !== undefined) {
      chownSync(temporary, access.uid ?? -1, access.gid ?? -1);
    }
    chmodSync(temporary, access.mode);
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

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // bind(2) happens inside listen(), so the umask only has to hold for this call.
    const before = process.umask(UMASK_WHILE_LISTENING);
    try {
      server.listen({ path }, () => {
        server.off('error', reject);
        resolve();
      });
    } finally {
      process.umask(before);
    }
  });
}
