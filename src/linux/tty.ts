import { isatty } from 'node:tty';
import { checked, ERRNO } from './errno.js';
import { lastErrno, libc } from './libc.js';

/** What a terminal line needs and neither Node nor serialport offers. All take an open descriptor. */

export { isatty };

const TCSANOW = 0;
const TCIFLUSH = 0;
const TCIOFLUSH = 2;
const TIOCEXCL = 0x540c;
const TIOCNXCL = 0x540d;
const TIOCGEXCL = 0x80045440;
const HUPCL = 0o2000;
const LOCK_EX = 2;
const LOCK_NB = 4;
const LOCK_UN = 8;

/**
 * struct termios starts with four 32-bit flag words (input, output, control, local) in every C library
 * on Linux. What follows differs and is passed through as it came.
 */
const TERMIOS_SPACE = 128;
const CONTROL_FLAGS = 8;

/** Clears HUPCL, so that closing the line does not drop DTR and reset the board. */
export function clearHangupOnClose(fd: number): void {
  const termios = attributes(fd);
  const flags = termios.readUInt32LE(CONTROL_FLAGS);
  if ((flags & HUPCL) === 0) return;
  termios.writeUInt32LE((flags & ~HUPCL) >>> 0, CONTROL_FLAGS);
  checked('tcsetattr', libc().tcsetattr(fd, TCSANOW, termios));
}

/** Raw mode: every byte passes as it is. On a pty's master it sets the slave's mode. */
export function makeRaw(fd: number): void {
  const termios = attributes(fd);
  libc().cfmakeraw(termios);
  checked('tcsetattr', libc().tcsetattr(fd, TCSANOW, termios));
}

function attributes(fd: number): Buffer {
  const termios = Buffer.alloc(TERMIOS_SPACE);
  checked('tcgetattr', libc().tcgetattr(fd, termios));
  return termios;
}

/** Whether further opens fail with EBUSY: root passes by that, so it has to be asked. */
export function isExclusive(fd: number): boolean {
  const flag = Buffer.alloc(4);
  return libc().ioctl(fd, TIOCGEXCL, flag) >= 0 && flag.readInt32LE(0) !== 0;
}

/** Makes further opens fail with EBUSY (except root's), or allows them again. */
export function setExclusive(fd: number, exclusive: boolean): void {
  checked('ioctl', libc().ioctl(fd, exclusive ? TIOCEXCL : TIOCNXCL, null));
}

/** Takes the advisory lock that serial programs share; false when another one has it. */
export function tryLock(fd: number): boolean {
  if (libc().flock(fd, LOCK_EX | LOCK_NB) === 0) return true;
  if (lastErrno() === ERRNO.EWOULDBLOCK) return false;
  return checked('flock', -1) === 0;
}

export function unlock(fd: number): void {
  libc().flock(fd, LOCK_UN);
}

/** Throws away what was received and not read. */
export function flushInput(fd: number): void {
  libc().tcflush(fd, TCIFLUSH);
}

/** Throws away what was received and not read, and what was written and not sent. */
export function flushBoth(fd: number): void {
  libc().tcflush(fd, TCIOFLUSH);
}
