import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { SimulatedCoprocessor } from '../../firmware-sim/index.js';
import type { BridgeClient, LineRequestClient } from '../../src/api/client/types.js';
import { systemTime } from '../../src/linux/clock.js';
import { costOf } from '../bench/process-cost.js';
import { firstChip } from '../support/first-chip.js';
import { temporaryDirectory } from '../support/program.js';
import { MAIN } from '../support/root.js';
import { Beside } from './beside.js';
import { type Cell, DISTURB_EVERY_MS } from './cells.js';
import { type Disturbed, disturb } from './disturb.js';
import { LineJudge, newVerdict, type Verdict } from './judge.js';
import { World } from './world.js';

export interface CellResult {
  readonly cell: Cell;
  readonly edges: number;
  readonly verdict: Verdict;
  /** Longest from the end of a disturbance to the next event, ms; undefined where there was none. */
  readonly worstRecoveryMs: number | undefined;
  readonly peakRssBytes: number;
  readonly counts: boolean;
}

const LINES = 16;
/** Lines of the programs beside. */
const MORE_LINES = 4;
const OFFSETS = Array.from({ length: LINES }, (_, offset) => offset);
/** What is on its way when the world comes to rest arrives within this, or never. */
const DRAIN_MS = 60_000;

/** Runs one cell with a daemon as a process, and judges what it delivered. The seed is of the world and of all faults. */
export async function runCell(cell: Cell, seconds: number, seed: number): Promise<CellResult> {
  const run = new CellRun(cell, seed);
  try {
    return await run.run(seconds * 1000);
  } finally {
    await run.stop();
  }
}

class CellRun {
  private readonly directory = temporaryDirectory();
  private readonly coprocessor: SimulatedCoprocessor;
  private readonly epochNs = systemTime.monotonicNs();
  private readonly world: World;
  private readonly verdict = newVerdict();
  private readonly disturbances: Disturbed[] = [];
  private daemon!: ChildProcess;
  private client: BridgeClient | undefined;
  private beside: Beside | undefined;
  private judges: LineJudge[] = [];
  private counts = true;
  private lastArrivalNs = 0;
  private awaitsNs: number | undefined;
  private worstRecoveryMs: number | undefined;
  private peakRssBytes = 0;

  constructor(
    private readonly cell: Cell,
    seed: number,
  ) {
    const { dialect } = cell;
    this.coprocessor = new SimulatedCoprocessor({ dialect, lines: LINES + MORE_LINES, seed });
    this.world = new World(this.coprocessor, LINES, seed, this.epochNs);
  }

  async run(lengthMs: number): Promise<CellResult> {
    const { cell, world } = this;
    await this.coprocessor.listen(`${cell.link}:${this.directory.join('port')}`);
    this.startDaemon();
    const { client, chip } = await firstChip(this.runtimeDir, () => `chip of '${cell.name}' to be up`);
    this.client = client;
    this.counts = (await chip.info()).countsLoss;
    const config = { direction: 'input', edges: 'both', activeLow: false, eventClock: 'monotonic' } as const;
    const request = await chip.requestLines({ consumer: 'campaign', offsets: OFFSETS, config });
    if (cell.beside !== undefined)
      this.beside = new Beside(cell.beside, this.runtimeDir, LINES, this.coprocessor);
    this.judges = world.pins.map(
      (pin) => new LineJudge(pin, this.verdict, { counts: this.counts, epochNs: this.epochNs }),
    );
    const followed = this.follow(request);
    for (const fault of cell.faults ?? []) this.coprocessor.setFault(fault);
    world.start(cell.rate);
    await this.spend(lengthMs);
    world.stop();
    await this.drain();
    await request.release();
    await followed;
    const restarts = this.disturbances.filter(({ restart }) => restart).map(({ atNs }) => atNs);
    for (const judge of this.judges) judge.end(restarts);
    const { verdict, worstRecoveryMs, peakRssBytes, counts } = this;
    return { cell, edges: world.edges, verdict, worstRecoveryMs, peakRssBytes, counts };
  }

  async stop(): Promise<void> {
    this.world.stop();
    this.beside?.stop();
    this.client?.close();
    this.daemon?.kill('SIGKILL');
    await this.coprocessor.close();
    this.directory.remove();
  }

  private get runtimeDir(): string {
    return this.directory.join('run');
  }

  private startDaemon(): void {
    const { link, dialect, stderr } = this.cell;
    const url = `${link === 'pty' ? 'serial' : link}:${this.directory.join('port')}`;
    const more = dialect === 'virtio-msg' ? '' : `ngpio = ${LINES + MORE_LINES}\n`;
    const file = this.directory.join('config.toml');
    writeFileSync(file, `[[coprocessor]]\nname = "hub"\nlink = "${url}"\ndialect = "${dialect}"\n${more}`);
    const full = stderr === 'full' ? openSync('/dev/full', 'w') : undefined;
    this.daemon = spawn(
      process.execPath,
      [MAIN, 'daemon', '--runtime-dir', this.runtimeDir, '--config', file],
      {
        stdio: ['ignore', 'ignore', full ?? (stderr === 'closed' ? 'pipe' : 'ignore')],
      },
    );
    if (full !== undefined) closeSync(full);
    this.daemon.stderr?.destroy();
  }

  private async follow(request: LineRequestClient): Promise<void> {
    for await (const events of request.events()) {
      const arrivedNs = this.world.nowNs();
      for (const event of events) {
        if (event.type === 'edge') this.judges[event.offset]!.edge(event, arrivedNs);
        else if (event.type === 'gap') {
          if (event.offset !== undefined) this.judges[event.offset]!.gap(event);
          else for (const judge of this.judges) judge.gap(event);
        } else continue;
        this.noteArrival(arrivedNs);
      }
    }
  }

  private noteArrival(arrivedNs: number): void {
    this.lastArrivalNs = arrivedNs;
    if (this.awaitsNs === undefined || arrivedNs < this.awaitsNs) return;
    this.worstRecoveryMs = Math.max(this.worstRecoveryMs ?? 0, (arrivedNs - this.awaitsNs) / 1e6);
    this.awaitsNs = undefined;
  }

  /** Lets the world go on for so long, disturbed or not. */
  private async spend(lengthMs: number): Promise<void> {
    const end = performance.now() + lengthMs;
    let disturbAt = performance.now() + DISTURB_EVERY_MS;
    while (performance.now() < end) {
      await sleep(50);
      this.peakRssBytes = Math.max(this.peakRssBytes, costOf(this.daemon.pid!).rssBytes);
      // The last one is over well before the end, so that recovery is seen.
      if (
        this.cell.disturb === undefined ||
        performance.now() < disturbAt ||
        end - performance.now() < DISTURB_EVERY_MS
      )
        continue;
      const disturbed = await disturb(this.cell.disturb, this.coprocessor, this.daemon.pid!, () =>
        this.world.nowNs(),
      );
      this.disturbances.push(disturbed);
      this.awaitsNs = disturbed.backNs;
      disturbAt = performance.now() + DISTURB_EVERY_MS;
    }
  }

  /** Until nothing has come for a while: what the coprocessor keeps has been delivered. */
  private async drain(): Promise<void> {
    const quietNs = (this.cell.faults ?? []).length > 0 ? 1.5e9 : 0.7e9;
    const end = performance.now() + DRAIN_MS;
    this.lastArrivalNs = this.world.nowNs();
    while (this.world.nowNs() - this.lastArrivalNs < quietNs && performance.now() < end) await sleep(50);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
