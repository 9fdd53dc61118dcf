import { SimulatedCoprocessor, type SimulatedDialect } from '../../firmware-sim/index.js';
import { Bridge } from './bridge.js';

const LINES = 16;
const BAUDS = [115_200, 921_600, 3_000_000];
/** Bits of a byte on a serial line: start, eight, stop. */
const BITS = 10;
/** The serial link widens its window and its packets with the bytes that went well. */
const WARM_UP_BYTES = 250_000;
const SHORTEST_WARM_UP_MS = 3_000;

interface Row {
  readonly what: string;
  readonly dialect: SimulatedDialect;
  readonly lines: number;
  readonly queue: boolean;
}

const ROWS: readonly Row[] = [
  { what: 'virtio-msg, both extensions', dialect: 'virtio-msg', lines: LINES, queue: true },
  { what: 'the same, one line alone', dialect: 'virtio-msg', lines: 1, queue: true },
  { what: 'virtio-msg, no EVENT_QUEUE, one line', dialect: 'virtio-msg', lines: 1, queue: false },
  { what: 'rpmsg-gpio', dialect: 'rpmsg-gpio', lines: LINES, queue: true },
  { what: 'rpmsg-gpio-v14', dialect: 'rpmsg-gpio-v14', lines: LINES, queue: true },
  { what: 'srtm', dialect: 'srtm', lines: LINES, queue: true },
];

/**
 * What an event costs on a serial line that is saturated: more edges than it carries, from a simulator
 * whose bytes go at the pace of the line. `busy` is the direction with more bytes against what the line can carry.
 */
export async function wire(seconds: number): Promise<void> {
  console.log(
    `On the wire: a saturated serial line, ${LINES} lines where not said otherwise, ${seconds} s each`,
  );
  console.log(
    '                                           baud    events/s  bytes in  bytes out    busy   ratio',
  );
  for (const baud of BAUDS) {
    let first = Number.NaN;
    for (const row of ROWS) {
      const perSecond = await measure(row, baud, seconds, first);
      if (Number.isNaN(first)) first = perSecond;
    }
  }
  console.log('  ratio: of the events of the first row at that speed');
}

/** Resolves with events a second. */
async function measure(
  { what, dialect, lines, queue }: Row,
  baud: number,
  seconds: number,
  first: number,
): Promise<number> {
  const bytesPerSecond = baud / BITS;
  // Twice what the line can carry at the fewest bytes an edge takes.
  const edgesPerSecond = Math.min(500_000, Math.ceil(bytesPerSecond / 8));
  const coprocessor = new SimulatedCoprocessor({
    dialect,
    lines: LINES,
    baud,
    features: { irq: true, stamp: true, queue },
    stimuli: [{ kind: 'random', controller: 1, first: 0, last: lines - 1, edgesPerSecond }],
  });
  const bridge = new Bridge();
  try {
    await coprocessor.listen(`pty:${bridge.port}`);
    await bridge.start(`serial:${bridge.port}?baud=${baud}`, dialect, LINES);
    const monitor = await bridge.monitor(Array.from({ length: lines }, (_, offset) => offset));
    const settled = dialect === 'virtio-msg' ? (WARM_UP_BYTES / bytesPerSecond) * 1000 : 0;
    await bridge.sleep(Math.max(SHORTEST_WARM_UP_MS, settled));
    const [before, countedBefore] = [await bridge.linkCounters(), monitor.edges];
    await bridge.sleep(seconds * 1000);
    const [after, counted] = [await bridge.linkCounters(), monitor.edges - countedBefore];
    const inbound = after.received - before.received;
    const outbound = after.sent - before.sent;
    const took = (after.atMs - before.atMs) / 1000;
    const busy = Math.max(inbound, outbound) / (took * bytesPerSecond);
    const cells = [
      [baud.toLocaleString('en'), 10],
      [Math.round(counted / took).toLocaleString('en'), 12],
      [(inbound / counted).toFixed(1), 10],
      [(outbound / counted).toFixed(1), 11],
      [`${(100 * busy).toFixed(1)} %`, 8],
      [(Number.isNaN(first) ? 1 : counted / took / first).toFixed(2), 8],
    ] as const;
    console.log(`  ${what.padEnd(38)}${cells.map(([text, width]) => text.padStart(width)).join('')}`);
    return counted / took;
  } finally {
    await bridge.stop();
    await coprocessor.close();
  }
}
