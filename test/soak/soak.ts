import { readdirSync } from 'node:fs';
import { SimulatedCoprocessor } from '../../firmware-sim/index.js';
import { connect } from '../../src/api/client/connect.js';
import type { BridgeClient } from '../../src/api/client/types.js';
import { BridgeError, messageOf } from '../../src/base/errors.js';
import { costOf } from '../bench/process-cost.js';
import { Monitor } from '../support/chain.js';
import { type Flatness, flatness } from '../support/flat.js';
import { eventually, Program, temporaryDirectory } from '../support/program.js';
import { imbalances } from './balance.js';

const LINES = 32;
/** Lines that one client follows from the first to the last moment; those after them are for all others. */
const FOLLOWED = Array.from({ length: 16 }, (_, offset) => offset);
const RATE = 20_000;
const ROUND_MS = 15_000;
const UP_MS = 20_000;
const MIB = 2 ** 20;

/** What is measured at the end of each round, when all is quiet but the load. */
export interface Sample {
  readonly rssBytes: number;
  readonly descriptors: number;
  readonly timers: number;
}

export function parseHours(text: string | undefined): number | undefined {
  const hours = /^\d*\.?\d+$/.test(text ?? '') ? Number(text) : Number.NaN;
  return hours > 0 ? hours : undefined;
}

/**
 * A daemon under mixed load with restarts, for hours: edges all the time, and in each round clients
 * that come and go or are killed, chips made and deleted, the configuration read again, the port
 * pulled, the firmware restarted. Prints a line a round and its verdict; whether all stayed flat.
 */
export async function soak(hours: number, print: (line: string) => void): Promise<boolean> {
  const run = new Soak();
  const samples: Sample[] = [];
  const broken: string[] = [];
  try {
    await run.start();
    const end = performance.now() + hours * 3_600_000;
    print('  round    minutes      edges       lost  gaps  timeouts   RSS MB  descriptors  timers');
    for (let round = 1; performance.now() < end; round++) {
      await run.round(Math.min(ROUND_MS, end - performance.now()));
      const sample = await run.sample();
      samples.push(sample);
      print(run.line(round, sample));
    }
    broken.push(...(await run.violations()));
  } catch (thrown) {
    // What was seen until then is told all the same.
    broken.push(`round ${samples.length + 1} could not be finished: ${messageOf(thrown)}`);
  } finally {
    await run.stop();
  }
  return verdict(samples, broken, print);
}

/** Prints it: of the figures, and of what broke the promise. */
export function verdict(
  samples: readonly Sample[],
  violations: readonly string[],
  print: (line: string) => void,
): boolean {
  const figures: readonly Flatness[] = [
    flatness(
      'resident memory',
      samples.map(({ rssBytes }) => rssBytes),
      { part: 0.05, more: 4 * MIB },
    ),
    flatness(
      'descriptors',
      samples.map(({ descriptors }) => descriptors),
      { part: 0, more: 2 },
    ),
    flatness(
      'timers',
      samples.map(({ timers }) => timers),
      { part: 0, more: 4 },
    ),
  ];
  const words = { flat: 'flat', grows: 'IT GROWS', unknown: 'too few rounds to tell' };
  for (const { name, early, late, allowed, verdict: told } of samples.length === 0 ? [] : figures) {
    print(`  ${name}: ${early} early, ${late} late, at most ${Math.round(allowed)}: ${words[told]}`);
  }
  for (const violation of violations) print(`  BROKEN: ${violation}`);
  const good = violations.length === 0 && figures.every(({ verdict: told }) => told !== 'grows');
  print(good ? 'verdict: steady' : 'verdict: NOT steady');
  return good;
}

class Soak {
  private readonly directory = temporaryDirectory();
  private readonly runtimeDir = this.directory.join('run');
  private readonly coprocessor = new SimulatedCoprocessor({ lines: LINES });
  private readonly began = performance.now();
  private daemon!: Program;
  private client!: BridgeClient;
  private monitor!: Monitor;
  private timeouts = 0;

  async start(): Promise<void> {
    const port = this.directory.join('port');
    await this.coprocessor.listen(`pty:${port}`);
    this.daemon = new Program(['daemon', '--runtime-dir', this.runtimeDir, '--link', `hub=serial:${port}`]);
    const open = () => connect({ runtimeDir: this.runtimeDir }).catch(() => undefined);
    this.client = await eventually(open, 'a daemon', UP_MS);
    await this.up();
    this.monitor = await Monitor.start(await this.client.openChip('hub'), FOLLOWED);
    const edges = { kind: 'random', controller: 1, first: 0, last: LINES - 1, edgesPerSecond: RATE } as const;
    this.coprocessor.addStimulus(edges);
  }

  async round(lengthMs: number): Promise<void> {
    const end = performance.now() + lengthMs;
    await this.clientsComeAndGo();
    await this.chipsComeAndGo();
    this.daemon.process.kill('SIGHUP');
    await this.coprocessor.closePorts();
    await sleep(200);
    await this.coprocessor.openPorts();
    await this.up();
    this.coprocessor.reboot();
    await sleep(500);
    await this.up();
    await sleep(Math.max(2_000, end - performance.now()));
  }

  async sample(): Promise<Sample> {
    const pid = this.daemon.process.pid!;
    const { timers } = await this.client.status();
    const descriptors = readdirSync(`/proc/${pid}/fd`).length;
    return { rssBytes: costOf(pid).rssBytes, descriptors, timers };
  }

  line(round: number, { rssBytes, descriptors, timers }: Sample): string {
    const { delivered, lost, gaps } = this.monitor.ledger;
    const minutes = ((performance.now() - this.began) / 60_000).toFixed(1);
    const cells = [
      [String(round), 7],
      [minutes, 11],
      [String(delivered), 11],
      [String(lost), 11],
      [String(gaps.length), 6],
      [String(this.timeouts), 10],
      [(rssBytes / MIB).toFixed(1), 9],
      [String(descriptors), 13],
      [String(timers), 8],
    ] as const;
    return cells.map(([text, width]) => text.padStart(width)).join('');
  }

  /** What broke the promise about events. */
  async violations(): Promise<readonly string[]> {
    this.coprocessor.stopStimuli();
    const { violations, lines, gaps } = await this.monitor.stop();
    const sensed = this.coprocessor.stats().lines;
    const balances = FOLLOWED.map((offset) => ({
      offset,
      sensed: sensed[offset]!.sensed,
      accounted: lines.get(offset)!.accounted,
    }));
    return [...violations, ...imbalances(balances, gaps, RATE / LINES)];
  }

  async stop(): Promise<void> {
    this.client?.close();
    await this.daemon?.stop('SIGKILL');
    await this.coprocessor.close();
    this.directory.remove();
  }

  private async up(): Promise<void> {
    const isUp = async (): Promise<true | undefined> => {
      const { chips } = await this.client.status();
      return chips.some(({ name, state }) => name === 'hub' && state === 'up') ? true : undefined;
    };
    await eventually(isUp, () => `the chip to be up\n${this.daemon.stderr.slice(-2_000)}`, UP_MS);
  }

  /** In order and by SIGKILL, with lines requested, some of which nobody reads. */
  private async clientsComeAndGo(): Promise<void> {
    const mon = (line: number): Program =>
      new Program(['mon', '--runtime-dir', this.runtimeDir, '-q', '-c', 'hub', String(line)]);
    const programs = [mon(20), mon(21), mon(22)];
    await sleep(1_500);
    await Promise.all(programs.map((program, i) => program.stop(i === 0 ? 'SIGTERM' : 'SIGKILL')));
    for (let i = 0; i < 20; i++) {
      await this.useLines().catch((error: unknown) => {
        // A machine that is starved: the call took longer than its limit, and is told so.
        if (!(error instanceof BridgeError) || error.name !== 'TIMEOUT') throw error;
        this.timeouts++;
      });
      await eventually(
        async () => ((await this.lineIsFree(24)) ? true : undefined),
        'a line to be free',
        UP_MS,
      );
    }
  }

  private async useLines(): Promise<void> {
    const client = await connect({ runtimeDir: this.runtimeDir });
    try {
      const chip = await client.openChip('hub');
      const config = {
        direction: 'output',
        edges: 'none',
        activeLow: false,
        eventClock: 'monotonic',
      } as const;
      const request = await chip.requestLines({ consumer: 'soak', offsets: [24, 25], config });
      await request.setValues(new Map([[24, 1]]));
    } finally {
      client.close();
    }
  }

  private async lineIsFree(offset: number): Promise<boolean> {
    const chip = await this.client.openChip('hub');
    try {
      return !(await chip.lineInfo(offset)).used;
    } finally {
      chip.close();
    }
  }

  private async chipsComeAndGo(): Promise<void> {
    for (let i = 0; i < 20; i++) {
      await this.client.synthetic.make({ name: 'soak', lines: ['hub:26-28'], shared: false });
      await this.client.synthetic.delete('soak');
    }
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
