import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { SimulatedCoprocessor } from '../../firmware-sim/index.js';
import type { BridgeClient, LineRequestClient, RequestEvent } from '../../src/api/client/types.js';
import { systemTime } from '../../src/linux/clock.js';
import { peakRssOf } from '../bench/process-cost.js';
import { firstChip } from '../support/first-chip.js';
import { temporaryDirectory } from '../support/program.js';
import { MAIN } from '../support/root.js';
import { Beside } from './beside.js';
import { type Cell, DISTURB_EVERY_MS } from './cells.js';
import { disturb, pass } from './disturb.js';
import type { Outage } from './gap-cover.js';
import { LineJudge } from './judge.js';
import { Reader } from './reader.js';
import { Recovery } from './recovery.js';
import { newVerdict, type Verdict } from './verdict.js';
import { World } from './world.js';

export interface CellResult {
  readonly cell: Cell;
  readonly edges: number;
  readonly verdict: Verdict;
  /** Longest from the end of a disturbance to the first edge of later, ms; undefined where there was none. */
  readonly worstRecoveryMs: number | undefined;
  /** Disturbances after which no edge of later came. */
  readonly unrecovered: number;
  readonly peakRssBytes: number;
  readonly counts: boolean;
}

const LINES = 16;
/** Lines of the programs beside. */
const MORE_LINES = 4;
const OFFSETS = Array.from({ length: LINES }, (_, offset) => offset);
const UP_MS = 20_000;
/** Sixteen lines are given back one after the other, over a line that delays each message. */
const CALL_MS = 60_000;
const TICK_MS = 50;
/** What is on its way when the world comes to rest arrives within this, or never. */
const DRAIN_MS = 60_000;
/**
 * Ticks without an event after which nothing more comes: when all that is due has come, when that can only
 * be guessed from the levels, and when something is missing. Ticks, as a process that is held up makes fewer.
 */
const QUIET = { told: 6, likely: 30, missing: 300 } as const;

/** Runs one cell with a daemon as a process, and judges what it delivered. The seed is of the world and of all faults. */
export async function runCell(
  cell: Cell,
  seconds: number,
  seed: number,
  disturbEveryMs = DISTURB_EVERY_MS,
): Promise<CellResult> {
  const run = new CellRun(cell, seed, disturbEveryMs);
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
  private readonly recovery = new Recovery();
  private readonly outages: Outage[] = [];
  private daemon!: ChildProcess;
  private client: BridgeClient | undefined;
  private beside: Beside | undefined;
  private reader!: Reader;
  private judges: LineJudge[] = [];
  private counts = true;
  /** Lines are given back: what cannot count says so in a gap that concerns nobody any more. */
  private releasing = false;
  /** Events since the last tick. */
  private arrived = 0;

  constructor(
    private readonly cell: Cell,
    seed: number,
    private readonly disturbEveryMs: number,
  ) {
    const { dialect, eventDepth } = cell;
    const depth = eventDepth === undefined ? {} : { eventDepth };
    this.coprocessor = new SimulatedCoprocessor({ dialect, lines: LINES + MORE_LINES, seed, ...depth });
    this.world = new World(this.coprocessor, LINES, seed, this.epochNs);
  }

  async run(lengthMs: number): Promise<CellResult> {
    const { cell, world, verdict, recovery } = this;
    await this.coprocessor.listen(`${cell.link}:${this.directory.join('port')}`);
    this.startDaemon();
    const request = await this.requestLines();
    const reading = this.reader.run();
    // Looked at in the end.
    reading.catch(() => {});
    for (const fault of cell.faults ?? []) this.coprocessor.setFault(fault);
    world.start(cell.rate);
    await this.spend(lengthMs);
    world.stop();
    await this.drain();
    const peakRssBytes = peakRssOf(this.daemon.pid!);
    this.releasing = true;
    await request.release();
    await reading;
    for (const judge of this.judges) judge.end(this.outages);
    const { edges } = world;
    const { worstMs: worstRecoveryMs, missing: unrecovered } = recovery;
    return { cell, edges, verdict, worstRecoveryMs, unrecovered, peakRssBytes, counts: this.counts };
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

  private async requestLines(): Promise<LineRequestClient> {
    const { cell, world, verdict, epochNs } = this;
    const what = (): string => `chip of '${cell.name}' to be up`;
    const { client, chip } = await firstChip(this.runtimeDir, what, UP_MS, CALL_MS);
    this.client = client;
    this.counts = (await chip.info()).countsLoss;
    const config = { direction: 'input', edges: 'both', activeLow: false, eventClock: 'monotonic' } as const;
    const request = await chip.requestLines({ consumer: 'campaign', offsets: OFFSETS, config });
    if (cell.beside !== undefined) this.beside = new Beside(cell, this.runtimeDir, LINES, this.coprocessor);
    const { counts } = this;
    this.judges = world.pins.map((pin) => new LineJudge(pin, verdict, { counts, epochNs }));
    this.reader = new Reader(request, (events) => this.take(events));
    return request;
  }

  private take(events: readonly RequestEvent[]): void {
    const arrivedNs = this.world.nowNs();
    this.arrived += events.length;
    for (const event of events) {
      if (event.type === 'edge') {
        this.judges[event.offset]!.edge(event, arrivedNs);
        this.recovery.edge(Number(event.timestampNs - this.epochNs), arrivedNs);
      } else if (event.type === 'gap') {
        if (this.releasing && event.reason === 'disabled') continue;
        if (event.offset !== undefined) this.judges[event.offset]!.gap(event);
        else for (const judge of this.judges) judge.gap(event);
      }
    }
  }

  /** Lets the world go on for so long, disturbed or not. */
  private async spend(lengthMs: number): Promise<void> {
    const { cell, coprocessor, daemon, reader, world, disturbEveryMs } = this;
    const end = performance.now() + lengthMs;
    if (cell.disturb === undefined) return pass(lengthMs);
    // The last one is over well before the end, so that recovery is seen.
    while (end - performance.now() > 2 * disturbEveryMs) {
      await pass(disturbEveryMs);
      const daemonPid = daemon.pid!;
      const context = { coprocessor, daemonPid, reader, nowNs: () => world.nowNs() };
      const { backNs, outage } = await disturb(cell.disturb, context);
      this.recovery.began(backNs);
      if (outage !== undefined) this.outages.push(outage);
    }
    await pass(Math.max(disturbEveryMs, end - performance.now()));
  }

  /** Until all that happened was told of; else until so long nothing came that nothing will. */
  private async drain(): Promise<void> {
    const end = performance.now() + DRAIN_MS;
    for (let quiet = 0; quiet < this.quietTicks && performance.now() < end; quiet++) {
      this.arrived = 0;
      await pass(TICK_MS);
      if (this.arrived > 0) quiet = 0;
    }
  }

  private get quietTicks(): number {
    const isTold = this.judges.every((judge) => judge.isSettled) && this.recovery.missing === 0;
    if (!isTold) return QUIET.missing;
    if (this.counts) return QUIET.told;
    return this.coprocessor.stats().total.kept === 0 ? QUIET.likely : QUIET.missing;
  }
}
