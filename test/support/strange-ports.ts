import type { ByteStream } from '../../src/link/byte-stream.js';
import { SerialLink } from '../../src/link/serial/serial-link.js';
import { listenOn } from '../../src/link/streams/listen.js';
import { systemTime } from '../../src/linux/clock.js';

/** Ports that no firmware of ours is behind: a pty each, whose device side a test plays. */

export interface StrangePort {
  readonly path: string;
  readonly stream: ByteStream;
  /** Bytes that came from whoever opened it. */
  readonly received: () => number;
  close(): Promise<void>;
}

/** A pty at `path`, silent until `play` makes it speak. */
export async function strangePort(
  path: string,
  play: (stream: ByteStream) => unknown = () => {},
): Promise<StrangePort> {
  const listener = await listenOn({ kind: 'pty', path }, systemTime);
  const stream = await new Promise<ByteStream>((resolve) => listener.streams$.subscribe(resolve));
  let received = 0;
  stream.data$.subscribe(({ bytes }) => {
    received += bytes.length;
  });
  const stop = play(stream);
  return {
    path,
    stream,
    received: () => received,
    close: async () => {
      if (typeof stop === 'function') stop();
      await listener.close();
    },
  };
}

/** Says something over and over, as a board that does not wait for anybody. */
export function repeating(pauseMs: number, next: () => Uint8Array): (stream: ByteStream) => () => void {
  return (stream) => {
    const timer = setInterval(() => void stream.write(next()).catch(() => {}), pauseMs);
    return () => clearInterval(timer);
  };
}

/** Bytes such as a UART at another rate makes of a signal: a xorshift generator's. */
export function noise(length: number, seed = 0x9e3779b9): () => Uint8Array {
  let state = seed;
  return () =>
    Uint8Array.from({ length }, () => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return state & 0xff;
    });
}

/** Firmware that has our serial link, and answers each packet in a language of its own. */
export function speaking(
  answer: (packet: Uint8Array) => readonly Uint8Array[],
  mode: 'reliable' | 'plain' = 'reliable',
): (stream: ByteStream) => () => void {
  return (stream) => {
    const link = new SerialLink('firmware', stream, {
      role: 'device',
      mode,
      time: systemTime,
      random: Math.random,
    });
    link.packets$.subscribe(({ packets }) => {
      for (const packet of packets) for (const reply of answer(packet)) void link.send(reply).catch(() => {});
    });
    return () => void link.close();
  };
}
