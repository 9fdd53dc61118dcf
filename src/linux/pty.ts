import { closeSync, constants, openSync } from 'node:fs';
import { checked, ERRNO, SystemCallError } from './errno.js';
import { libc } from './libc.js';
import { flushBoth, flushInput, makeRaw, setExclusive } from './tty.js';

/** The master of a new pseudoterminal, non-blocking; its slave is raw. */
export interface PtyMaster {
  readonly fd: number;
  /** `/dev/pts/7` */
  readonly slavePath: string;
}

const NAME_SPACE = 128;
const POLLIN = 0x01;
const POLLHUP = 0x10;

/** Opens a new pseudoterminal. Nobody has its slave open: {@link isHungUp} is true. */
export function openPty(): PtyMaster {
  const flags = constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK | O_CLOEXEC;
  const fd = checked('posix_openpt', libc().posix_openpt(flags));
  try {
    checked('grantpt', libc().grantpt(fd));
    checked('unlockpt', libc().unlockpt(fd));
    const name = Buffer.alloc(NAME_SPACE);
    const error = libc().ptsname_r(fd, name, name.length);
    if (error !== 0) throw new SystemCallError('ptsname_r', error);
    const master = { fd, slavePath: name.toString('utf8', 0, name.indexOf(0)) };
    makeRaw(fd);
    // Until a slave was open once, the master does not say that none is.
    closeSync(openSlave(master));
    return master;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

const O_CLOEXEC = 0o2000000;

function openSlave(master: PtyMaster): number {
  return openSync(master.slavePath, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
}

/** Whether nobody has the slave open. */
export function isHungUp(master: PtyMaster): boolean {
  return (pollEvents(master) & POLLHUP) !== 0;
}

/** Whether nobody has the slave open, and nothing is left to read of who had. */
export function isDeserted(master: PtyMaster): boolean {
  return (pollEvents(master) & (POLLHUP | POLLIN)) === POLLHUP;
}

/** struct pollfd { int fd; short events; short revents; } */
function pollEvents(master: PtyMaster): number {
  const request = Buffer.alloc(8);
  request.writeInt32LE(master.fd, 0);
  request.writeInt16LE(POLLIN, 4);
  return libc().poll(request, 1, 0) > 0 ? request.readInt16LE(6) : 0;
}

/**
 * Makes a slave that nobody has open as new: drops the bytes on the way in it, and the exclusive
 * use that a program which was killed left on it. False when the latter cannot be undone: only root
 * may open such a slave, so this pseudoterminal is of no more use.
 */
export function renewSlave(master: PtyMaster): boolean {
  try {
    const slave = openSlave(master);
    setExclusive(slave, false);
    flushBoth(master.fd);
    flushInput(slave);
    closeSync(slave);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).errno === -ERRNO.EBUSY) return false;
    throw error;
  }
}
