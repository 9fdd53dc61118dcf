import { statSync } from 'node:fs';
import { BridgeError, messageOf } from './errors.js';

const WRITABLE_BY_OTHERS = 0o022;

/**
 * Throws unless `dir` is a directory in which only this process's user and root can make, replace
 * or remove names: PERMISSION_DENIED, saying what to change, or IO_ERROR. `what` is what messages
 * call it, as in `runtime directory '/run/gpiobridge'`.
 */
export function checkPrivateDirectory(dir: string, what: string, uid = process.geteuid?.() ?? 0): void {
  const stats = statOf(dir, what);
  if (!stats.isDirectory()) throw new BridgeError('IO_ERROR', `${what} '${dir}' is not a directory`);
  if (stats.uid !== uid && stats.uid !== 0) {
    throw new BridgeError(
      'PERMISSION_DENIED',
      `${what} '${dir}' belongs to user ${stats.uid}, who could replace what is in it: ` +
        `choose another one, or 'chown ${uid} ${dir}'`,
    );
  }
  if ((stats.mode & WRITABLE_BY_OTHERS) === 0) return;
  const mode = (stats.mode & 0o7777).toString(8).padStart(4, '0');
  throw new BridgeError(
    'PERMISSION_DENIED',
    `${what} '${dir}' has mode ${mode}, so that others could replace what is in it: ` +
      `choose another one, or 'chmod go-w ${dir}'`,
  );
}

function statOf(dir: string, what: string) {
  try {
    return statSync(dir);
  } catch (thrown) {
    throw new BridgeError('IO_ERROR', `${what} '${dir}' cannot be used: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
}
