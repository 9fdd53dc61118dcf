import { checked } from './errno.js';
import { libc } from './libc.js';

const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;

/** Makes reads and writes of a descriptor return EAGAIN where they would wait. Throws a SystemCallError. */
export function setNonBlocking(fd: number): void {
  const flags = checked('fcntl', libc().fcntl(fd, F_GETFL, 0));
  checked('fcntl', libc().fcntl(fd, F_SETFL, flags | O_NONBLOCK));
}
