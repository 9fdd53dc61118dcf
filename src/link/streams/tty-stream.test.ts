import { execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { firstValueFrom } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../../test/contract/packet-link.js';
import { systemClock } from '../../linux/clock.js';
import { openPty, type PtyMaster } from '../../linux/pty.js';
import { isExclusive, setExclusive, tryLock, unlock } from '../../linux/tty.js';
import type { ByteStream } from '../byte-stream.js';
import { openTty } from './tty-stream.js';

let folder: string;
let master: PtyMaster;
let masterOpen: boolean;
const streams: ByteStream[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gpiobridge-tty-'));
  master = openPty();
  masterOpen = true;
});

afterEach(async () => {
  for (const stream of streams.splice(0)) await stream.close();
  unplug();
  rmSync(folder, { recursive: true });
});

function unplug(): void {
  if (masterOpen) closeSync(master.fd);
  masterOpen = false;
}

async function open(path = master.slavePath, baud: number | undefined = undefined): Promise<ByteStream> {
  const stream = await openTty(`serial:${path}`, { path, baud }, systemClock);
  streams.push(stream);
  return stream;
}

function slave(): number {
  return openSync(master.slavePath, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
}

const stty = (path: string) => execFileSync('stty', ['-a', '-F', path], { encoding: 'utf8' });

describe('a tty', () => {
  it('is opened raw, without HUPCL, at the baud rate asked for', async () => {
    await open(master.slavePath, 230_400);
    const settings = stty(master.slavePath);
    expect(settings).toMatch(/(^|\s)-hupcl\b/);
    expect(settings).toContain('speed 230400 baud');
    for (const flag of [
      '-icanon',
      '-echo',
      '-opost',
      '-ixon',
      '-isig',
      '-icrnl',
      '-parenb',
      'cs8',
      'cread',
    ]) {
      expect(settings).toMatch(new RegExp(`(^|\\s)${flag}\\b`));
    }
  });

  it('is held by TIOCEXCL and flock while open, and let go when closed', async () => {
    const stream = await open();
    const fd = slave();
    expect(isExclusive(fd)).toBe(true);
    expect(tryLock(fd)).toBe(false);
    await stream.close();
    expect(isExclusive(fd)).toBe(false);
    expect(tryLock(fd)).toBe(true);
    closeSync(fd);
  });

  it('carries every byte value both ways', async () => {
    const stream = await open();
    const all = Uint8Array.from({ length: 256 }, (_, i) => i);
    const received: number[] = [];
    stream.data$.subscribe(({ bytes, arrivedNs }) => {
      expect(arrivedNs).toBeLessThanOrEqual(systemClock.monotonicNs());
      received.push(...bytes);
    });
    await stream.write(all);
    const back = Buffer.alloc(256);
    await until(() => readSync(master.fd, back) === 256);
    expect([...back]).toEqual([...all]);
    writeSync(master.fd, all);
    await until(() => received.length === 256);
    expect(received).toEqual([...all]);
  });

  it('waits with what the port cannot take, and keeps the order', async () => {
    const stream = await open();
    const block = Buffer.alloc(256 * 1024);
    for (let i = 0; i < block.length; i += 4) block.writeUInt32LE(i, i);
    let out = false;
    const written = stream.write(block).then(() => {
      out = true;
    });
    expect(stream.pendingBytes).toBeGreaterThan(0);
    expect(out).toBe(false);
    const got: Buffer[] = [];
    let length = 0;
    await until(() => {
      const piece = Buffer.alloc(65_536);
      try {
        const read = readSync(master.fd, piece);
        got.push(piece.subarray(0, read));
        length += read;
      } catch (error) {
        expect((error as NodeJS.ErrnoException).code).toBe('EAGAIN');
      }
      return length === block.length;
    });
    await written;
    expect(stream.pendingBytes).toBe(0);
    expect(Buffer.concat(got).equals(block)).toBe(true);
  });

  it('ends when it is unplugged, without eating the processor', async () => {
    const stream = await open();
    const ended = firstValueFrom(stream.end$);
    unplug();
    expect(await ended).toMatchObject({
      cause: 'gone',
      reason: expect.stringContaining('the port went away'),
    });
    const [before, began] = [process.cpuUsage(), performance.now()];
    await new Promise((resolve) => setTimeout(resolve, 200));
    const { user, system } = process.cpuUsage(before);
    // However late this comes: one that polls without end would take all that there is.
    expect((user + system) / 1000).toBeLessThan((performance.now() - began) / 2);
    await expect(stream.write(Uint8Array.of(1))).rejects.toMatchObject({ name: 'LINK_DOWN' });
    await stream.close();
  });

  it('rejects what waits to be written when it is unplugged', async () => {
    const stream = await open();
    stream.data$.subscribe();
    const waiting = stream.write(new Uint8Array(1 << 20));
    const rejected = expect(waiting).rejects.toMatchObject({ name: 'LINK_DOWN' });
    unplug();
    await rejected;
  });

  it('has no speed on a pty, but the one that it is said to have', async () => {
    const stream = await open();
    expect(stream.bytesPerSecond).toBeUndefined();
    await stream.close();
    expect((await open(master.slavePath, 921_600)).bytesPerSecond).toBe(92_160);
  });
});

describe('opening a tty fails, in one line,', () => {
  const refusal = async (path: string) => {
    const error = await open(path).then(
      () => undefined,
      (thrown: Error) => thrown,
    );
    expect(error?.message).not.toContain('\n');
    return error;
  };

  it('when this process has it already', async () => {
    await open();
    expect(await refusal(master.slavePath)).toMatchObject({ name: 'BUSY', message: /is in use/ });
  });

  it('when another program has locked it, and says which, and leaves its settings alone', async () => {
    const before = stty(master.slavePath);
    const holder = spawn('flock', ['--no-fork', '--exclusive', master.slavePath, 'sleep', '60'], {
      stdio: 'ignore',
    });
    try {
      const fd = slave();
      await until(() => {
        const free = tryLock(fd);
        if (free) unlock(fd);
        // flock has the lock before it becomes sleep.
        return !free && readFileSync(`/proc/${holder.pid}/comm`, 'utf8') === 'sleep\n';
      });
      closeSync(fd);
      const error = await refusal(master.slavePath);
      expect(error).toMatchObject({ name: 'BUSY' });
      expect(error?.message).toMatch(/is in use by .*pid \d+ \(sleep\): end it first$/);
      expect(stty(master.slavePath)).toBe(before);
    } finally {
      holder.kill();
    }
  });

  it('when another program uses it exclusively, also for root', async () => {
    // sleep holds the slave open as its standard input.
    const fd = slave();
    setExclusive(fd, true);
    const holder = spawn('sleep', ['60'], { stdio: [fd, 'ignore', 'ignore'] });
    closeSync(fd);
    try {
      const error = await refusal(master.slavePath);
      expect(error).toMatchObject({ name: 'BUSY' });
      expect(error?.message).toContain(`pid ${holder.pid} (sleep)`);
    } finally {
      holder.kill();
    }
  });

  it.skipIf(process.getuid?.() !== 0)(
    'not when a killed program left its exclusive use on a pty',
    async () => {
      const fd = slave();
      setExclusive(fd, true);
      closeSync(fd);
      expect((await open()).name).toContain('serial:');
    },
  );

  it.each([
    [
      'missing',
      () => join(folder, 'none'),
      'IO_ERROR',
      /does not exist; (there is \/dev\/|and no serial port)/,
    ],
    ['a directory', () => folder, 'INVALID_ARGUMENT', /is a directory, not a serial port/],
    ['a file', () => fileIn(folder), 'INVALID_ARGUMENT', /is a file, not a serial port/],
    [
      'another device',
      () => '/dev/null',
      'INVALID_ARGUMENT',
      /is a device of another kind, not a serial port/,
    ],
    ['below a file', () => join(fileIn(folder), 'x'), 'IO_ERROR', /does not exist/],
    ['a link into nowhere', () => danglingIn(folder), 'IO_ERROR', /does not exist/],
  ])('when it is %s', async (_what, path, name, message) => {
    expect(await refusal(path())).toMatchObject({ name, message: expect.stringMatching(message) });
  });
});

function fileIn(directory: string): string {
  const path = join(directory, 'file');
  writeFileSync(path, '');
  return path;
}

function danglingIn(directory: string): string {
  const path = join(directory, 'dangling');
  symlinkSync('/nonexistent/tty', path);
  return path;
}
