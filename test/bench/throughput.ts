import { Chain, Monitor } from '../support/chain.js';
import { costOf } from './process-cost.js';
import { rawCopyRate } from './raw-run.js';

const LINES = 16;
const OFFSETS = Array.from({ length: LINES }, (_, offset) => offset);
/** Edges a second that are tried, until one is too much. */
const RATES = [50_000, 100_000, 150_000, 200_000, 250_000, 300_000, 400_000];
/** Bytes that one edge takes in a full frame of the serial link, and edges in such a frame. */
const EDGES_PER_FRAME = 50;
/** V8 has not compiled yet what runs, until nothing was lost for so long; */
const WARM_MS = 1_000;
/** or until this much has passed: then it is no matter of warmth. */
const MOST_COLD_MS = 10_000;
const FRAME_BYTES = 1_018;

interface Run {
  readonly rate: number;
  readonly sensed: number;
  readonly delivered: number;
  /** Before code was warm, and when the last of it was lost, seconds from the start. */
  readonly lostCold: number;
  readonly coldS: number;
  /** After that. */
  readonly lost: number;
  /** Delivered a second, after that. */
  readonly pace: number;
  /** Microseconds of CPU an edge. */
  readonly simUs: number;
  readonly daemonUs: number;
  readonly clientUs: number;
  readonly daemonRssMb: number;
}

/** Edges a second from a simulator over a Unix socket through the daemon into this process. */
export async function throughput(seconds: number): Promise<void> {
  console.log(
    `Throughput: sim -> unix socket -> daemon -> unix socket -> client, ${LINES} lines, ${seconds} s each`,
  );
  const raw = (await rawCopyRate(FRAME_BYTES, 3)) * (EDGES_PER_FRAME / FRAME_BYTES);
  console.log(
    '  edges/s      sensed   delivered   lost cold  until s    lost  sim us  daemon us  client us  daemon RSS   ratio',
  );
  let best = 0;
  let bestCold = 0;
  let isLossless = true;
  for (const rate of RATES) {
    const run = await measure(rate, seconds);
    print(run, run.pace / raw);
    if (run.lost > 0 || run.pace < 0.98 * rate) break;
    best = rate;
    isLossless &&= run.lostCold === 0;
    if (isLossless) bestCold = rate;
  }
  console.log(
    `  none lost up to ${round(best)} edges/s once code is warm, ${round(bestCold)} from the start`,
  );
  console.log(
    `  ratio: to a plain copy of the same frames over the same path, ${round(raw)} edges/s worth of bytes`,
  );
}

/** One rate over each kind of link, against the Unix socket. */
export async function links(seconds: number): Promise<void> {
  const rate = 100_000;
  console.log(`Links: ${round(rate)} edges/s over ${LINES} lines, ${seconds} s each`);
  console.log('         link      sensed   delivered        lost   sim us  daemon us  client us     ratio');
  let first = Number.NaN;
  for (const port of ['unix', 'pty', 'seqpacket'] as const) {
    const run = await measure(rate, seconds, port);
    if (Number.isNaN(first)) first = run.daemonUs;
    const cells = [
      [port, 13],
      [round(run.sensed), 12],
      [round(run.delivered), 12],
      [round(run.lost + run.lostCold), 12],
      [run.simUs.toFixed(2), 9],
      [run.daemonUs.toFixed(2), 11],
      [run.clientUs.toFixed(2), 11],
      [(run.daemonUs / first).toFixed(2), 10],
    ] as const;
    console.log(cells.map(([text, width]) => text.padStart(width)).join(''));
  }
}

async function measure(
  rate: number,
  seconds: number,
  port: 'unix' | 'pty' | 'seqpacket' = 'unix',
): Promise<Run> {
  const chain = new Chain({ port, sim: ['--stimulus', `random:0-${LINES - 1}:${rate}`] });
  try {
    const monitor = await Monitor.start(await chain.chip(), OFFSETS);
    const pids = [chain.sim.process.pid!, chain.daemon.process.pid!, process.pid];
    const coldS = await warmUp(monitor);
    const lostCold = monitor.ledger.lost;
    const before = pids.map(costOf);
    const counted = monitor.ledger.delivered;
    const start = performance.now();
    await sleep(seconds * 1_000);
    const after = pids.map(costOf);
    const during = monitor.ledger.delivered - counted;
    const pace = (during / (performance.now() - start)) * 1_000;
    // What is on its way when the lines are given back is nobody's loss.
    const lost = monitor.ledger.lost - lostCold;
    const ledger = await monitor.stop();
    const stats = await chain.simStats();
    if (ledger.violations.length > 0) throw new Error(ledger.violations.join('\n'));
    const us = after.map((cost, i) => ((cost.cpuSeconds - before[i]!.cpuSeconds) * 1e6) / during);
    return {
      rate,
      sensed: stats.total.sensed,
      delivered: ledger.delivered,
      lostCold,
      coldS,
      lost,
      pace,
      simUs: us[0]!,
      daemonUs: us[1]!,
      clientUs: us[2]!,
      daemonRssMb: after[1]!.rssBytes / 2 ** 20,
    };
  } finally {
    await chain.stop();
  }
}

/** Waits until code is warm; resolves with when the last edge was lost, seconds from the start. */
async function warmUp({ ledger }: Monitor): Promise<number> {
  const start = performance.now();
  let lastMs = 0;
  for (let ms = 0; ms - lastMs < WARM_MS && ms < MOST_COLD_MS; ms = performance.now() - start) {
    const { lost } = ledger;
    await sleep(WARM_MS / 20);
    if (ledger.lost > lost) lastMs = performance.now() - start;
  }
  return lastMs / 1_000;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function print(run: Run, ratio: number): void {
  const cells = [
    [round(run.rate), 9],
    [round(run.sensed), 12],
    [round(run.delivered), 12],
    [round(run.lostCold), 12],
    [run.coldS.toFixed(1), 9],
    [round(run.lost), 8],
    [run.simUs.toFixed(2), 8],
    [run.daemonUs.toFixed(2), 11],
    [run.clientUs.toFixed(2), 11],
    [`${run.daemonRssMb.toFixed(0)} MB`, 12],
    [ratio.toFixed(4), 7],
  ] as const;
  console.log(cells.map(([text, width]) => text.padStart(width)).join(''));
}

function round(value: number): string {
  return Math.round(value).toLocaleString('en');
}
