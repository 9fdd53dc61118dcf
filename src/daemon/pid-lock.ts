import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { BridgeError, messageOf } from '../base/errors.js';
import { tryLock } from '../linux/tty.js';

/**
 * The lock that makes a daemon the only one on its runtime directory: flock(2) on a file with its
 * pid. The kernel gives the lock back when the process ends in whatever way, so that a file that
 * was left behind means nothing.
 */
export class PidLock {
  private constructor(
    private readonly fd: number,
    private readonly path: string,
  ) {}

  /** Throws DAEMON_RUNNING with the pid of the one that has it, or IO_ERROR. */
  static take(path: string): PidLock {
    for (;;) {
      const fd = open(path);
      if (!tryLock(fd)) {
        closeSync(fd);
        throw new BridgeError(
          'DAEMON_RUNNING',
          `a daemon runs on this runtime directory already: ${holder(path)}`,
        );
      }
      // Between opening and locking, the one before may have removed the file.
      if (isSameFile(fd, path)) {
        // Whatever the umask: whom a second daemon finds in its way, anyone may know.
        fchmodSync(fd, 0o644);
        ftruncateSync(fd);
        writeSync(fd, `${process.pid}\n`);
        return new PidLock(fd, path);
      }
      closeSync(fd);
    }
  }

  release(): void {
    rmSync(this.path, { force: true });
    closeSync(this.fd);
  }
}

function open(path: string): number {
  try {
    return openSync(path, constants.O_RDWR | constants.O_CREAT, 0o644);
  } catch (thrown) {
    throw new BridgeError('IO_ERROR', `lock file '${path}' cannot be opened: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
}

function isSameFile(fd: number, path: string): boolean {
  try {
    return fstatSync(fd).ino === statSync(path).ino;
  } catch {
    return false;
  }
}

function holder(path: string): string {
  try {
    const pid = readFileSync(path, 'utf8').trim();
    return pid === '' ? `see ${path}` : `pid ${pid}`;
  } catch {
    return `see ${path}`;
  }
}
