import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';
import { lastErrno } from './libc.js';

/** Error numbers of the kernel: EAGAIN and the like. */
export const ERRNO = constants.errno;

/** Node knows numbers that libuv has no name for, as ENETRESET. */
const NAMES = new Map(Object.entries(ERRNO).map(([name, errno]) => [errno, name]));

/** The name of what Node or a {@link SystemCallError} reports, whether libuv knows it or not. */
export function codeOf({ code, errno }: NodeJS.ErrnoException): string | undefined {
  return errno === undefined ? code : errnoName(-errno);
}

/** `EBUSY` for 16; `errno 4711` for a number without a name. */
export function errnoName(errno: number): string {
  return getSystemErrorMap().get(-errno)?.[0] ?? NAMES.get(errno) ?? `errno ${errno}`;
}

/** `resource busy or locked` for 16. */
export function errnoMessage(errno: number): string {
  return getSystemErrorMap().get(-errno)?.[1] ?? 'unknown error';
}

/** A failed system call, shaped as Node's own: `code`, `errno` (negative), `syscall`. */
export class SystemCallError extends Error {
  readonly code: string;
  readonly errno: number;

  constructor(
    readonly syscall: string,
    errno: number,
  ) {
    super(`${errnoName(errno)}: ${errnoMessage(errno)}, ${syscall}`);
    this.name = 'SystemCallError';
    this.code = errnoName(errno);
    this.errno = -errno;
  }
}

/** The result of a call, or a {@link SystemCallError} when it is negative. */
export function checked(syscall: string, result: number): number {
  if (result < 0) throw new SystemCallError(syscall, lastErrno());
  return result;
}
