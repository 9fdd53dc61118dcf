import { mkdirSync, rmdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { BridgeError, messageOf } from './errors.js';

/**
 * Makes a directory, and those above it that are missing, and returns the ones made, the topmost
 * first. One level at a time: Node's own way of making several goes round for ever where a file
 * system takes none, as /proc. Throws PERMISSION_DENIED or IO_ERROR; `what` is what messages call
 * it, as in `runtime directory`.
 */
export function makeDirectory(dir: string, what: string, mode: number): readonly string[] {
  const missing: string[] = [];
  let at = resolve(dir);
  while (!isThere(at, dir, what)) {
    missing.unshift(at);
    at = dirname(at);
  }
  const made: string[] = [];
  for (const path of missing) {
    try {
      mkdirSync(path, mode);
      made.push(path);
    } catch (thrown) {
      // Somebody else may just have made it.
      if ((thrown as NodeJS.ErrnoException).code === 'EEXIST' && isThere(path, dir, what)) continue;
      removeMade(made);
      throw cannotMake(dir, what, path, thrown);
    }
  }
  return made;
}

/** Removes directories that {@link makeDirectory} made, as far as nothing is in them. */
export function removeMade(made: readonly string[]): void {
  for (const path of [...made].reverse()) {
    try {
      rmdirSync(path);
    } catch {
      return;
    }
  }
}

function isThere(path: string, dir: string, what: string): boolean {
  let stats: ReturnType<typeof statSync>;
  try {
    stats = statSync(path, { throwIfNoEntry: false });
  } catch (thrown) {
    // Something above it is in the way, which is found on the way up.
    if ((thrown as NodeJS.ErrnoException).code === 'ENOTDIR') return false;
    throw cannotMake(dir, what, path, thrown);
  }
  if (stats === undefined) return false;
  if (stats.isDirectory()) return true;
  throw new BridgeError('IO_ERROR', `${what} '${dir}' cannot be made: '${path}' is not a directory`);
}

function cannotMake(dir: string, what: string, path: string, thrown: unknown): BridgeError {
  const { code } = thrown as NodeJS.ErrnoException;
  const denied = code === 'EACCES' || code === 'EPERM';
  const parent = dirname(path);
  const reason = denied
    ? `no permission in '${parent}': make it first, or choose another`
    : code === 'ENOENT' || code === 'EROFS'
      ? `'${parent}' takes no directories: choose another`
      : messageOf(thrown);
  return new BridgeError(
    denied ? 'PERMISSION_DENIED' : 'IO_ERROR',
    `${what} '${dir}' cannot be made: ${reason}`,
    {
      cause: thrown,
    },
  );
}
