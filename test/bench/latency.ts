import { createConnection } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { LineRequestClient } from '../../src/api/client/types.js';
import { Chain } from '../support/chain.js';
import { Program } from '../support/program.js';
import { percentile } from './process-cost.js';
import { rawRoundTrips } from './raw-latency.js';
import { RawProcesses } from './raw-run.js';

const RAW_LATENCY = fileURLToPath(new URL('./raw-latency.js', import.meta.url));
const LINE = 3;
const LOADED = [8, 9, 10, 11, 12, 13, 14, 15];
/** Edges a second, half of what goes through without a loss on the machine of docs/benchmarks.md. */
const HALF_LOAD = 125_000;
/** Edges first, one after the other: code that ran some hundred times is not yet compiled. */
const WARM_UP = 8_000;

/**
 * Edge to client on a pty when idle: from the moment at which the simulator drives a pin (which it
 * tells in its answer, by the clock of this machine) to the event in the client's hands.
 */
export async function latency(count: number): Promise<void> {
  console.log(`Latency: pin driven -> sim -> pty -> daemon -> unix socket -> client, ${count} edges`);
  const ours = (await edgeTimes(count + WARM_UP)).slice(WARM_UP).sort((a, b) => a - b);
  const raw = (await copyTimes(count + WARM_UP)).slice(WARM_UP).sort((a, b) => a - b);
  const loaded = (await edgeTimes(count + WARM_UP, HALF_LOAD)).slice(WARM_UP).sort((a, b) => a - b);
  console.log('                    p50 us    p90 us    p99 us    max us');
  print('idle', ours);
  print('plain copy', raw);
  print('half load', loaded);
  printRatio('idle, ratio', ours, raw);
  printRatio('load, ratio', loaded, raw);
}

/** Of each percentile to the plain copy's. */
function printRatio(what: string, ours: readonly number[], raw: readonly number[]): void {
  const cells = [0.5, 0.9, 0.99].map((part) => (percentile(ours, part) / percentile(raw, part)).toFixed(2));
  console.log(`  ${what.padEnd(15)}${cells.map((cell) => cell.padStart(10)).join('')}`);
}

async function edgeTimes(count: number, load = 0): Promise<number[]> {
  const stimuli = load === 0 ? [] : ['--stimulus', `random:${LOADED[0]}-${LOADED.at(-1)}:${load}`];
  const chain = new Chain({ port: 'pty', sim: stimuli });
  const beside = load === 0 ? undefined : await busyProgram(chain);
  try {
    const chip = await chain.chip();
    const config = { direction: 'input', edges: 'both', activeLow: false, eventClock: 'monotonic' } as const;
    const request = await chip.requestLines({ consumer: 'latency', offsets: [LINE], config });
    const edges = edgeArrivals(request);
    // One connection, and answers read afterwards: nothing else keeps this process busy.
    const control = createConnection(chain.control).setEncoding('utf8');
    let answers = '';
    control.on('data', (text) => {
      answers += text;
    });
    const arrivals: bigint[] = [];
    for (let i = 0; i < count; i++) {
      if (i >= WARM_UP) await pause();
      control.write(`{"command":"drive","line":${LINE},"level":${1 - (i % 2)}}\n`);
      await edges();
      arrivals.push(process.hrtime.bigint());
    }
    await pause();
    control.destroy();
    const driven = answers
      .trimEnd()
      .split('\n')
      .map((line) => BigInt(JSON.parse(line).result.driven_ns));
    return arrivals.map((arrival, i) => Number(arrival - driven[i]!) / 1000);
  } finally {
    await beside?.stop('SIGKILL');
    await chain.stop();
  }
}

/** Another program that takes the load, so that this one is busy with nothing but the line that it times. */
async function busyProgram(chain: Chain): Promise<Program> {
  await chain.chip();
  const args = [
    'mon',
    '--runtime-dir',
    chain.runtimeDir,
    '--quiet',
    '--banner',
    '-c',
    'hub',
    ...LOADED.map(String),
  ];
  const program = new Program(args);
  await program.waitFor(/Monitoring/);
  return program;
}

/** Each call waits for the next edge. */
function edgeArrivals(request: LineRequestClient): () => Promise<void> {
  const batches = request.events()[Symbol.asyncIterator]();
  return async () => {
    for (;;) {
      const { value, done } = await batches.next();
      if (done === true) throw new Error('the request ended');
      if (value.some((event) => event.type === 'edge')) return;
    }
  };
}

async function copyTimes(count: number): Promise<number[]> {
  const raw = new RawProcesses(RAW_LATENCY);
  const { directory } = raw;
  try {
    await raw.start('source', directory.join('control'), directory.join('pty'));
    await raw.start('relay', directory.join('pty'), directory.join('out'));
    return await rawRoundTrips(directory.join('control'), directory.join('out'), count, WARM_UP, pause);
  } finally {
    raw.stop();
  }
}

/** Idle in between: every process has gone to sleep. */
function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 3));
}

function print(what: string, sorted: readonly number[]): void {
  const cells = [0.5, 0.9, 0.99, 1].map((part) => percentile(sorted, part).toFixed(0).padStart(10));
  console.log(`  ${what.padEnd(15)}${cells.join('')}`);
}
