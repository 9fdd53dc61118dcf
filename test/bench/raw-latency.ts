import { createConnection, createServer } from 'node:net';
import { pathToFileURL } from 'node:url';
import { SerialPort } from 'serialport';
import { listenOn } from '../../src/link/streams/listen.js';
import { systemClock } from '../../src/linux/clock.js';

/**
 * The yardstick of latency: as raw-copy.ts, with a pty in the first half. `source CONTROL PTY` writes
 * one block to its pty for each byte that comes on its control socket, `relay PTY LISTEN` passes it on.
 */
const BLOCK = Buffer.alloc(42, 0x55);

async function main(): Promise<void> {
  const [role, first, second] = process.argv.slice(2);
  if (role === 'source') await source(first!, second!);
  else relay(first!, second!);
}

async function source(control: string, path: string): Promise<void> {
  const listener = await listenOn({ kind: 'pty', path }, systemClock);
  listener.streams$.subscribe((stream) => {
    createServer((socket) => socket.on('data', () => void stream.write(BLOCK))).listen(control, () =>
      console.log('ready'),
    );
  });
}

function relay(path: string, listen: string): void {
  const port = new SerialPort({ path, baudRate: 921_600 }, () => {
    createServer((socket) => port.on('data', (chunk: Buffer) => socket.write(chunk))).listen(listen, () =>
      console.log('ready'),
    );
  });
}

/** One round: a byte out on the control socket, the block back on the other. */
export async function rawRoundTrips(
  control: string,
  from: string,
  count: number,
  pause: () => Promise<void>,
): Promise<number[]> {
  const out = createConnection(control);
  const back = createConnection(from);
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    await pause();
    const start = process.hrtime.bigint();
    const arrived = new Promise<void>((resolve) => {
      let bytes = 0;
      const take = (chunk: Buffer): void => {
        bytes += chunk.length;
        if (bytes < BLOCK.length) return;
        back.off('data', take);
        resolve();
      };
      back.on('data', take);
    });
    out.write('x');
    await arrived;
    times.push(Number(process.hrtime.bigint() - start) / 1000);
  }
  out.destroy();
  back.destroy();
  return times;
}

if (import.meta.url === pathToFileURL(process.argv[1]!).href) await main();
