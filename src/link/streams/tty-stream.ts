import { closeSync, constants, openSync, statSync } from 'node:fs';
import type { Observable } from 'rxjs';
import type { Clock } from '../../base/clock.js';
import { BridgeError, messageOf } from '../../base/errors.js';
import { FdChannel } from '../../linux/fd-channel.js';
import { portHolders } from '../../linux/port-holder.js';
import { clearHangupOnClose, isatty, isExclusive, setExclusive, tryLock, unlock } from '../../linux/tty.js';
import type { ByteStream, ReceivedBytes, StreamEnd } from '../byte-stream.js';
import type { LinkDownCause } from '../packet-link.js';
import { DEFAULT_BAUD } from '../url.js';
import { StreamOutlets } from './stream-outlets.js';
import { notATty, openFailed, portForbidden, portMissing, portTaken } from './tty-error.js';

/** What this file uses of serialport's binding. */
interface OpenPort {
  readonly fd: number | null;
  close(): Promise<void>;
}

export interface TtyOptions {
  readonly path: string;
  /** Undefined: {@link DEFAULT_BAUD}, and of a pty no speed at all. */
  readonly baud: number | undefined;
}

/**
 * A serial port or pty as a byte stream. serialport opens and sets it (raw, 8N1, any baud rate); the
 * bytes go through the event loop directly, because its own reader tries again for ever after a
 * read of 0 bytes, which is what an unplugged port gives.
 */
export class TtyStream implements ByteStream {
  readonly data$: Observable<ReceivedBytes>;
  readonly end$: Observable<StreamEnd>;

  private readonly outlets: StreamOutlets;
  private readonly channel: FdChannel;
  private closing: Promise<void> | undefined;

  /** Takes over an open port; {@link openTty} makes one. */
  constructor(
    readonly name: string,
    private readonly port: OpenPort,
    readonly bytesPerSecond: number | undefined,
    clock: Pick<Clock, 'monotonicNs'>,
  ) {
    this.outlets = new StreamOutlets(name, clock);
    this.data$ = this.outlets.data$;
    this.end$ = this.outlets.end$;
    this.channel = new FdChannel(descriptor(port), {
      data: (bytes) => this.outlets.receive(bytes),
      end: (error) => {
        const why = error === undefined ? '' : ` (${error.message})`;
        void this.finish('gone', `the port went away: unplugged, or its other end closed${why}`);
      },
    });
  }

  get pendingBytes(): number {
    return this.channel.pendingBytes;
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.outlets.isOver) return Promise.reject(this.outlets.downError());
    return new Promise((resolve, reject) => {
      this.channel.write(bytes, (error) => {
        if (error === undefined) resolve();
        else reject(this.outlets.downError());
      });
    });
  }

  close(): Promise<void> {
    return this.finish('closed', 'closed');
  }

  private finish(cause: LinkDownCause, reason: string): Promise<void> {
    this.closing ??= this.release();
    this.outlets.end({ cause, reason });
    return this.closing;
  }

  private async release(): Promise<void> {
    this.channel.stop();
    try {
      // A pty's slave lives on with its master, and would stay closed to everybody but root.
      setExclusive(descriptor(this.port), false);
    } catch {
      // It is unplugged: nothing is left to release.
    }
    await this.port.close().catch(() => undefined);
  }
}

/**
 * Opens a port for this process alone (flock and TIOCEXCL) and so that closing it does not drop DTR
 * (HUPCL off). Rejects with BUSY, PERMISSION_DENIED, INVALID_ARGUMENT or IO_ERROR, in one line with
 * the remedy.
 */
export async function openTty(
  name: string,
  { path, baud: given }: TtyOptions,
  clock: Pick<Clock, 'monotonicNs'>,
): Promise<ByteStream> {
  const baud = given ?? DEFAULT_BAUD;
  const probe = probePort(name, path);
  try {
    // Loaded here, since only those who open a port should pay for it.
    const { SerialPort } = await import('serialport');
    // serialport changes the settings before it tries the lock: that is why the probe tried it first.
    const settings = { path, baudRate: baud, lock: true, hupcl: false };
    const port = (await SerialPort.binding.open(settings).catch((error: unknown) => {
      throw serialportRefusal(name, path, baud, error);
    })) as OpenPort;
    try {
      setExclusive(descriptor(port), true);
      clearHangupOnClose(descriptor(port));
      return new TtyStream(
        name,
        port,
        given === undefined && isPty(path) ? undefined : baud / BITS_PER_BYTE,
        clock,
      );
    } catch (error) {
      await port.close().catch(() => undefined);
      throw openFailed(name, path, error as NodeJS.ErrnoException);
    }
  } finally {
    closeSync(probe);
  }
}

/** 8N1: a start bit, eight data bits, a stop bit. */
const BITS_PER_BYTE = 10;

/**
 * Looks at a port before it is touched: refuses what is no tty or is in use, with the reason that
 * serialport's message does not have. Keeps it open, and HUPCL off, so that DTR rises only once.
 */
function probePort(name: string, path: string): number {
  const stat = statOf(name, path);
  if (stat.isDirectory()) throw notATty(name, path, 'a directory');
  if (!stat.isCharacterDevice()) throw notATty(name, path, stat.isSocket() ? 'a socket' : 'a file');
  const fd = openProbe(name, path);
  try {
    if (!isatty(fd)) throw notATty(name, path, 'a device of another kind');
    if (!tryLock(fd)) throw portTaken(name, path);
    // Root passes by TIOCEXCL. On a pty it may be left over from a program that was killed.
    if (isExclusive(fd) && (!isPty(path) || portHolders(path).length > 0)) throw portTaken(name, path);
    clearHangupOnClose(fd);
    unlock(fd);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error instanceof BridgeError ? error : openFailed(name, path, error as NodeJS.ErrnoException);
  }
}

function statOf(name: string, path: string) {
  try {
    return statSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') throw portMissing(name, path);
    if (code === 'EACCES') throw portForbidden(name, path);
    throw openFailed(name, path, error as NodeJS.ErrnoException);
  }
}

function openProbe(name: string, path: string): number {
  try {
    return openSync(path, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
  } catch (error) {
    throw openFailed(name, path, error as NodeJS.ErrnoException);
  }
}

/** The slave of a pseudoterminal (majors 136 to 143): it has no speed but the one that it is said to have. */
function isPty(path: string): boolean {
  const major = Math.floor(statSync(path).rdev / 256) & 0xfff;
  return major >= 136 && major <= 143;
}

/** serialport's errors carry the C library's words only. */
function serialportRefusal(name: string, path: string, baud: number, thrown: unknown): Error {
  const message = messageOf(thrown);
  if (/cannot lock/i.test(message)) return portTaken(name, path);
  if (/permission denied/i.test(message)) return portForbidden(name, path);
  if (/resource busy/i.test(message)) return portTaken(name, path);
  if (/no such file/i.test(message)) return portMissing(name, path);
  if (/baud/i.test(message)) {
    return openFailed(name, path, new Error(`it cannot do ${baud} baud (${message}): choose another baud`));
  }
  return openFailed(name, path, new Error(message));
}

function descriptor(port: OpenPort): number {
  if (port.fd === null) throw new Error('the port is closed');
  return port.fd;
}
