import { createConnection, createServer } from 'node:net';
import { pathToFileURL } from 'node:url';
import { SerialPort } from 'serialport';
import { listenOn } from '../../src/link/streams/listen.js';
import { systemClock } from '../../src/linux/clock.js';

/**
 * The yardstick of latency: as raw-copy.ts, with a pty in the first half. `source CONTROL PTY` writes
 * one block to its pty for each byte that comes on its control socket, `relay PTY LISTEN` passes it on.
 */
/** As long as the frame of an edge; begins with the moment it was written. */
const BLOCK_LENGTH = 42;

async function main(): Promise<void> {
  const [role, first, second] = process.argv.slice(2);
  if (role === 'source') await source(first!, second!);
  else relay(first!, second!);
}

async function source(control: string, path: string): Promise<void> {
  const listener = await listenOn({ kind: 'pty', path }, systemClock);
  listener.streams$.subscribe((stream) => {
    const send = (): void => {
      const block = Buffer.alloc(BLOCK_LENGTH);
      block.writeBigUInt64LE(process.hrtime.bigint());
      void stream.write(block);
    };
    createServer((socket) => socket.on('data', send)).listen(control, () => console.log('ready'));
  });
}

function relay(path: string, listen: string): void {
  const port = new SerialPort({ path, baudRate: 921_600 }, () => {
    createServer((socket) => port.on('data', (chunk: Buffer) => socket.write(chunk))).listen(listen, () =>
      console.log('ready'),
    );
  });
}

/** Each round a byte out on the control socket; how long the block took from its source to here, us. */
export async function rawRoundTrips(
  control: string,
  from: string,
  count: number,
  warmUp: number,
  pause: () => Promise<void>,
): Promise<number[]> {
  const out = createConnection(control);
  const back = createConnection(from);
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    if (i >= warmUp) await pause();
    const arrived = new Promise<number>((resolve) => {
      let block = Buffer.alloc(0);
      const take = (chunk: Buffer): void => {
        block = Buffer.concat([block, chunk]);
        if (block.length < BLOCK_LENGTH) return;
        back.off('data', take);
        resolve(Number(process.hrtime.bigint() - block.readBigUInt64LE()) / 1000);
      };
      back.on('data', take);
    });
    out.write('x');
    times.push(await arrived);
  }
  out.destroy();
  back.destroy();
  return times;
}

if (import.meta.url === pathToFileURL(process.argv[1]!).href) await main();
