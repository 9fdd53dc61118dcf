import { createRequire } from 'node:module';
import { SerialPort } from 'serialport';
import { listenOn } from '../../src/link/streams/listen.js';
import { systemClock } from '../../src/linux/clock.js';

/**
 * The peer: firmata-io over its own transport. `source PTY LINES RATE` is a board of which one of the first LINES
 * pins changes RATE times a second, which it tells at once; `reader PTY LINES` is a program that follows them, and prints how
 * many lines were reported changed so far for each line it reads from standard input.
 */
const REPORT_VERSION = [0xf9, 2, 5];
const FIRMWARE = [0xf0, 0x79, 2, 5, 0x62, 0, 0xf7];
const DIGITAL_MESSAGE = 0x90;
const PINS_A_PORT = 8;

async function source(path: string, lines: number, rate: number): Promise<void> {
  const listener = await listenOn({ kind: 'pty', path }, systemClock);
  listener.streams$.subscribe((stream) => {
    let asked = false;
    stream.data$.subscribe(() => {
      if (asked) return;
      asked = true;
      void stream.write(Uint8Array.from([...REPORT_VERSION, ...FIRMWARE]));
      change(lines, rate, (bytes) => void stream.write(bytes));
    });
  });
  console.log('ready');
}

/** As many changes as are due, whenever the timer comes: as the simulator makes its edges. */
function change(lines: number, rate: number, write: (bytes: Uint8Array) => void): void {
  const ports = new Uint8Array(Math.ceil(lines / PINS_A_PORT));
  const began = performance.now();
  let made = 0;
  setInterval(() => {
    const due = Math.floor(((performance.now() - began) * rate) / 1000) - made;
    const bytes = new Uint8Array(3 * due);
    for (let i = 0; i < due; i++) {
      const line = Math.floor(Math.random() * lines);
      const port = Math.floor(line / PINS_A_PORT);
      ports[port]! ^= 1 << (line % PINS_A_PORT);
      bytes.set([DIGITAL_MESSAGE | port, ports[port]! & 0x7f, ports[port]! >> 7], 3 * i);
    }
    made += due;
    if (due > 0) write(bytes);
  }, 1);
}

interface Board {
  readonly MODES: { readonly INPUT: number };
  readonly pins: { mode: number }[];
  on(event: string, listener: (value: number) => void): void;
}

function reader(path: string, lines: number): void {
  const Firmata = createRequire(import.meta.url)('firmata-io').Firmata;
  const port = new SerialPort({ path, baudRate: 921_600 });
  const board: Board = new Firmata(
    port,
    { skipCapabilities: true, pinCount: 128, reportVersionTimeout: 100 },
    () => {
      let changes = 0;
      for (let pin = 0; pin < lines; pin++) {
        board.pins[pin]!.mode = board.MODES.INPUT;
        let last = -1;
        board.on(`digital-read-${pin}`, (value) => {
          if (value !== last) changes++;
          last = value;
        });
      }
      console.log('ready');
      process.stdin.on('data', () => console.log(changes));
    },
  );
}

const [role, path, lines, rate] = process.argv.slice(2);
if (role === 'source') await source(path!, Number(lines), Number(rate));
else reader(path!, Number(lines));
