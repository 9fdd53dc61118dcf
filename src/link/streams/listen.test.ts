import { spawn } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readlinkSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { firstValueFrom } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../../test/contract/packet-link.js';
import { systemTime } from '../../linux/clock.js';
import { setExclusive } from '../../linux/tty.js';
import type { ByteStream } from '../byte-stream.js';
import type { StreamListener } from '../listener.js';
import { listenOn } from './listen.js';
import { connectSocket } from './socket.js';

let folder: string;
const listeners: StreamListener[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gpiobridge-listen-'));
});

afterEach(async () => {
  for (const listener of listeners.splice(0)) await listener.close();
  rmSync(folder, { recursive: true });
});

async function listen(address: Parameters<typeof listenOn>[0]): Promise<StreamListener> {
  const listener = await listenOn(address, systemTime);
  listeners.push(listener);
  return listener;
}

const connect = (path: string) =>
  connectSocket(`unix:${path}`, { kind: 'unix', path }, { time: systemTime, connectMs: 500 });

describe('listening on a Unix socket', () => {
  it('accepts any number, with mode 0660, and removes the socket in the end', async () => {
    const path = join(folder, 's');
    const listener = await listen({ kind: 'unix', path });
    expect(statSync(path).mode & 0o777).toBe(0o660);
    const accepted: ByteStream[] = [];
    listener.streams$.subscribe((stream) => accepted.push(stream));
    const clients = [await connect(path), await connect(path)];
    await until(() => accepted.length === 2);
    const gone = clients.map((client) => {
      client.data$.subscribe();
      return firstValueFrom(client.end$);
    });
    await listener.close();
    for (const end of await Promise.all(gone)) expect(end.cause).toBe('gone');
    expect(existsSync(path)).toBe(false);
  });

  it('takes the place of a stale socket, and refuses a live one and any other file', async () => {
    const path = join(folder, 's');
    const child = spawn(
      process.execPath,
      ['-e', `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    await new Promise((resolve) => child.stdout.once('data', resolve));
    await expect(listen({ kind: 'unix', path })).rejects.toMatchObject({
      name: 'BUSY',
      message: expect.stringContaining('another program listens on it'),
    });
    const exit = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await exit;
    expect(lstatSync(path).isSocket()).toBe(true);
    await listen({ kind: 'unix', path });
    const file = join(folder, 'f');
    writeFileSync(file, 'keep me');
    await expect(listen({ kind: 'unix', path: file })).rejects.toMatchObject({ name: 'BUSY' });
    expect(existsSync(file)).toBe(true);
  });

  it('says that the directory does not exist', async () => {
    await expect(listen({ kind: 'unix', path: join(folder, 'none/s') })).rejects.toMatchObject({
      name: 'IO_ERROR',
      message: expect.stringContaining('its directory does not exist'),
    });
  });
});

describe('listening on TCP', () => {
  it('names the port that the system chose, and refuses one in use', async () => {
    const listener = await listen({ kind: 'tcp', host: '127.0.0.1', port: 0 });
    const port = Number(listener.name.split(':').at(-1));
    expect(port).toBeGreaterThan(0);
    await expect(listen({ kind: 'tcp', host: '127.0.0.1', port })).rejects.toMatchObject({ name: 'BUSY' });
  });
});

describe('connecting', () => {
  it.each([
    ['no socket', 'none', /there is no socket .*: start the other end first/],
    ['a file', 'file', /nobody listens|is not a socket/],
  ])('to %s says so', async (_what, name, message) => {
    if (name === 'file') writeFileSync(join(folder, name), '');
    await expect(connect(join(folder, name))).rejects.toMatchObject({
      name: 'IO_ERROR',
      message: expect.stringMatching(message),
    });
  });

  it('to a TCP port where nobody listens says so', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    const address = { kind: 'tcp', host: '127.0.0.1', port } as const;
    await expect(connectSocket('tcp:x', address, { time: systemTime, connectMs: 500 })).rejects.toMatchObject(
      {
        name: 'IO_ERROR',
        message: expect.stringContaining(`nobody listens on 127.0.0.1 port ${port}`),
      },
    );
  });
});

describe('listening on a pty', () => {
  const openSlave = (path: string) =>
    openSync(path, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);

  async function ptyStream(path: string): Promise<{ stream: ByteStream; received: string[] }> {
    const listener = await listen({ kind: 'pty', path });
    const stream = await firstValueFrom(listener.streams$);
    const received: string[] = [];
    stream.data$.subscribe(({ bytes }) => received.push(Buffer.from(bytes).toString()));
    stream.end$.subscribe(() => received.push('<end>'));
    return { stream, received };
  }

  /** Reads what has come to the slave, if anything. */
  const readSlave = (fd: number) => {
    const bytes = Buffer.alloc(4096);
    try {
      return bytes.toString('utf8', 0, readSync(fd, bytes));
    } catch {
      return '';
    }
  };

  it('makes a symbolic link to the slave, replaces an old one, and removes it in the end', async () => {
    const path = join(folder, 'hub');
    symlinkSync('/dev/pts/999', path);
    const listener = await listen({ kind: 'pty', path });
    expect(readlinkSync(path)).toMatch(/^\/dev\/pts\/\d+$/);
    expect(statSync(path).isCharacterDevice()).toBe(true);
    await listener.close();
    expect(lstatSync(path, { throwIfNoEntry: false })).toBeUndefined();
    writeFileSync(path, '');
    await expect(listen({ kind: 'pty', path })).rejects.toMatchObject({ name: 'BUSY' });
  });

  it('refuses a name that is served, by whatever way to it, until it is not', async () => {
    const path = join(folder, 'hub');
    const first = await listen({ kind: 'pty', path });
    const slave = readlinkSync(path);
    symlinkSync(folder, join(folder, 'way'));
    for (const same of [path, join(folder, 'way', 'hub')]) {
      await expect(listen({ kind: 'pty', path: same })).rejects.toMatchObject({
        name: 'BUSY',
        message: expect.stringContaining('another program serves it'),
      });
    }
    expect(readlinkSync(path)).toBe(slave);
    await first.close();
    await listen({ kind: 'pty', path });
  });

  it('leaves what somebody else put there', async () => {
    const path = join(folder, 'hub');
    const first = await listen({ kind: 'pty', path });
    rmSync(path);
    symlinkSync('/dev/null', path);
    await first.close();
    expect(readlinkSync(path)).toBe('/dev/null');
  });

  it('is one stream that never notices who opens and closes the slave, as a UART', async () => {
    const path = join(folder, 'hub');
    const { stream, received } = await ptyStream(path);
    for (let i = 0; i < 5; i++) {
      const fd = openSlave(path);
      writeSync(fd, `to device ${i};`);
      await until(() => received.join('').includes(`to device ${i};`));
      let got = '';
      await until(() => {
        void stream.write(Buffer.from('.'));
        got += readSlave(fd);
        return got !== '';
      });
      closeSync(fd);
    }
    expect(received).not.toContain('<end>');
  });

  it('drops what is written while nobody has it open, without end', async () => {
    const path = join(folder, 'hub');
    const { stream } = await ptyStream(path);
    for (let i = 0; i < 200; i++) await stream.write(Buffer.alloc(4096, 0x61));
    expect(stream.pendingBytes).toBe(0);
    const fd = openSlave(path);
    let got = '';
    await until(() => {
      void stream.write(Buffer.from('fresh'));
      got += readSlave(fd);
      return got.includes('fresh');
    });
    expect(got).not.toContain('a');
    closeSync(fd);
  });

  it('leaves nothing unread for the next who opens it', async () => {
    const path = join(folder, 'hub');
    const { stream, received } = await ptyStream(path);
    const first = openSlave(path);
    writeSync(first, 'x');
    await until(() => received.length > 0);
    void stream.write(Buffer.alloc(60_000, 0x61));
    expect(stream.pendingBytes).toBeGreaterThan(0);
    closeSync(first);
    // The stream has seen it leave when nothing waits to be written any more.
    await until(() => {
      void stream.write(Buffer.alloc(4096, 0x61));
      return stream.pendingBytes === 0;
    });
    const second = openSlave(path);
    let got = '';
    await until(() => {
      void stream.write(Buffer.from('fresh'));
      got += readSlave(second);
      return got.includes('fresh');
    });
    expect(got).not.toContain('a');
    closeSync(second);
  });

  it('takes what a program wrote that came and went', async () => {
    const path = join(folder, 'hub');
    const { received } = await ptyStream(path);
    const fd = openSlave(path);
    writeSync(fd, 'brief');
    closeSync(fd);
    await until(() => received.join('') === 'brief');
  });

  it('undoes the exclusive use that a killed program left', async () => {
    const path = join(folder, 'hub');
    const { received } = await ptyStream(path);
    const fd = openSlave(path);
    writeSync(fd, 'x');
    await until(() => received.length > 0);
    setExclusive(fd, true);
    closeSync(fd);
    // As anybody but root sees it: opening fails with EBUSY while the mark is there.
    const asNobody = () =>
      new Promise<number | null>((resolve) => {
        const target = readlinkSync(path);
        const script = `process.setuid && process.getuid() === 0 && require('fs').chmodSync(${JSON.stringify(target)}, 0o666);
          if (process.getuid() === 0) process.setuid(65534);
          require('fs').closeSync(require('fs').openSync(${JSON.stringify(target)}, 2 | 256 | 2048));`;
        spawn(process.execPath, ['-e', script], { stdio: 'ignore' }).once('exit', resolve);
      });
    let status: number | null = 1;
    for (let i = 0; i < 20 && status !== 0; i++) status = await asNobody();
    expect(status).toBe(0);
  });

  it('does not eat the processor while nobody has it open', async () => {
    await ptyStream(join(folder, 'hub'));
    const [before, began] = [process.cpuUsage(), performance.now()];
    await new Promise((resolve) => setTimeout(resolve, 200));
    const { user, system } = process.cpuUsage(before);
    // However late this comes: one that polls without end would take all that there is.
    expect((user + system) / 1000).toBeLessThan((performance.now() - began) / 2);
  });
});
