import { existsSync, lstatSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { BridgeError } from '../base/errors.js';

/** The file of a socket that others connect to, and what is in the way of making it. */

type Stat = NonNullable<ReturnType<typeof lstatSync>>;

/**
 * Makes room for a socket at `path`: removes one that nobody listens on any more, as `isLive` finds out;
 * refuses a live one and anything else with BUSY, and a missing directory with IO_ERROR.
 */
export async function makeRoomForSocket(
  name: string,
  path: string,
  isLive: (path: string) => Promise<boolean> | boolean,
): Promise<void> {
  // The kernel reports a missing directory too, but Node as one without permission.
  if (!existsSync(dirname(path))) throw noDirectory(name);
  const stat = lookAt(name, path);
  if (stat === undefined) return;
  if (!stat.isSocket()) {
    throw new BridgeError(
      'BUSY',
      `${name}: ${path} exists and is not a socket: remove it, or choose another path`,
    );
  }
  if (await isLive(path)) {
    throw new BridgeError(
      'BUSY',
      `${name}: another program listens on it: end that one, or choose another path`,
    );
  }
  removeIf(path, (now) => now.isSocket());
}

function lookAt(name: string, path: string): Stat | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (thrown) {
    throw listenFailed(name, thrown as NodeJS.ErrnoException);
  }
}

/** Why nobody can listen there, in one line with the remedy. */
export function listenFailed(name: string, error: NodeJS.ErrnoException): BridgeError {
  const options = { cause: error };
  switch (error.code) {
    case 'EADDRINUSE':
      return new BridgeError('BUSY', `${name}: the address is in use: choose another`, options);
    case 'EACCES':
    case 'EPERM':
      return new BridgeError(
        'PERMISSION_DENIED',
        `${name}: no permission to create it there: choose another path`,
        options,
      );
    case 'ENOENT':
      return noDirectory(name);
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new BridgeError('IO_ERROR', `${name}: this machine has no such address`, options);
    default:
      return new BridgeError('IO_ERROR', `${name}: ${error.message}`, options);
  }
}

function noDirectory(name: string): BridgeError {
  return new BridgeError('IO_ERROR', `${name}: its directory does not exist: make it first`);
}

/** Removes a file if it is still the one that is meant. */
export function removeIf(path: string, condition: (stat: Stat) => boolean): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat !== undefined && condition(stat)) rmSync(path, { force: true });
}
