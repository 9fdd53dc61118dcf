import { randomInt } from 'node:crypto';
import { type Observable, Subject } from 'rxjs';
import type { Time, TimerHandle } from '../src/base/clock.js';
import { BridgeError } from '../src/base/errors.js';
import { type EdgeStats, newEdgeStats } from '../src/device/event-line.js';
import type { DirectionValue, LevelBit } from '../src/device/line-backend.js';
import { newBusCounters } from '../src/device/virtio-msg/counters.js';
import type { ByteStream } from '../src/link/byte-stream.js';
import { listen } from '../src/link/open.js';
import type { PacketLink } from '../src/link/packet-link.js';
import type { StreamListener } from '../src/link/streams/listen.js';
import { systemTime } from '../src/linux/clock.js';
import { DIRECTION } from '../src/wire/virtio-gpio.js';
import { EdgeScheduler } from './edge-scheduler.js';
import { type EdgeSource, PulseSource, RandomSource, ToggleSource } from './edge-sources.js';
import { type Board, Firmware } from './firmware.js';
import {
  type CoprocessorOptions,
  type ResolvedOptions,
  rebootPeriodOf,
  resolveOptions,
  wireFaultsOf,
} from './options.js';
import { SimulatedPins } from './pins.js';
import { Random } from './random.js';
import { ServedPort } from './served-port.js';
import { addCounters, type CoprocessorStats, type LineStats, totals } from './stats.js';
import type { Stimulus } from './stimulus.js';
import { type FaultCounters, withWireFaults } from './wire-faults.js';

/** What the firmware drives on a pin changed. */
export interface OutputChange {
  readonly controller: number;
  readonly line: number;
  readonly direction: 'none' | 'output' | 'input';
  readonly level: LevelBit;
}

/** One pin, as seen from outside the coprocessor. */
export interface PinState {
  readonly controller: number;
  readonly line: number;
  readonly name: string;
  readonly direction: 'none' | 'output' | 'input';
  readonly level: LevelBit;
}

/** The longest the simulator goes without looking at its stimuli while one is due within it, ms. */
const TICK_MS = 1;
/** Edges made in one turn: keeps the process answering when it is far behind. */
const TURN_BUDGET = 20_000;
/** A reboot is due with the clock's precision; nothing is said about more. */
const NEVER = Number.POSITIVE_INFINITY;

const DIRECTION_NAMES = {
  [DIRECTION.NONE]: 'none',
  [DIRECTION.OUT]: 'output',
  [DIRECTION.IN]: 'input',
} as const;

/**
 * A coprocessor with GPIO lines, simulated: firmware that speaks virtio-msg, and pins that follow
 * stimuli and {@link drive}. It starts with its construction and runs until {@link close}; links
 * to it come and go ({@link attach}), as ports do on a board that runs on.
 */
export class SimulatedCoprocessor {
  readonly options: ResolvedOptions;
  /** Each change of what the firmware drives, in order: an output that pulses shows here. */
  readonly outputs$: Observable<OutputChange>;

  private readonly outputs = new Subject<OutputChange>();
  private readonly epochNs: bigint;
  private readonly board: Board;
  private readonly scheduler = new EdgeScheduler();
  private readonly random: Random;
  private readonly faultRandom: Random;
  private firmware: Firmware;
  private boots = 1;
  private readonly rebootPeriodNs: number;
  private rebootAtNs: number;
  private timer: TimerHandle | undefined;
  private link: PacketLink | undefined;
  private port: ServedPort | undefined;
  private readonly listeners: StreamListener[] = [];
  private readonly wireTotals: Record<string, number> = {};
  private readonly faultCounters: FaultCounters = { bytes_corrupted: 0, bytes_dropped: 0 };
  private closed = false;

  /** Throws INVALID_ARGUMENT for options out of range, or stimuli of lines that are not there. */
  constructor(
    options: CoprocessorOptions = {},
    private readonly time: Time = systemTime,
  ) {
    this.options = resolveOptions(options);
    this.outputs$ = this.outputs.asObservable();
    this.epochNs = time.boottimeNs();
    this.random = new Random(this.options.seed);
    // Of its own, so that the edges do not depend on what crosses the wire.
    this.faultRandom = new Random(~this.options.seed);
    this.rebootPeriodNs = rebootPeriodOf(this.options.faults);
    this.rebootAtNs = this.rebootPeriodNs;
    this.board = this.buildBoard();
    this.firmware = new Firmware(this.board, randomBootId(0), 0);
    for (const stimulus of this.options.stimuli) this.addStimulus(stimulus);
    this.schedule();
  }

  /** Never 0; another after each restart. */
  get bootId(): number {
    return this.firmware.bootId;
  }

  /** Whether a driver brought every controller up. */
  get driverOk(): boolean {
    return this.firmware.bus.driverOk;
  }

  /** Serves a link, in place of the one before, which is left open. The firmware runs on. */
  attach(link: PacketLink): void {
    this.catchUp();
    this.leavePort();
    this.useLink(link);
  }

  /** Leaves the link: what happens is kept until there is another. */
  detach(): void {
    this.catchUp();
    this.firmware.bus.detach();
    this.leavePort();
    this.forgetLink();
  }

  /**
   * Listens at `pty:PATH`, `unix:PATH` or `tcp:HOST:PORT` and serves whoever connects; resolves with
   * the listener, whose name has the port that was chosen for 0. Rejects with INVALID_ARGUMENT,
   * BUSY, PERMISSION_DENIED or IO_ERROR.
   */
  async listen(url: string): Promise<StreamListener> {
    const listener = await listen(url, this.time);
    this.serve(listener);
    return listener;
  }

  /**
   * Serves whoever connects, over serial links with the wire faults of the options: one at a time,
   * a new connection in place of the one before, while the firmware runs on. The listener is
   * closed with the coprocessor.
   */
  serve(listener: StreamListener): void {
    this.listeners.push(listener);
    listener.streams$.subscribe((stream) => this.accept(stream));
  }

  /** From now on the world does this to the pins. Throws INVALID_ARGUMENT, NOT_FOUND. */
  addStimulus(stimulus: Stimulus): void {
    this.catchUp();
    this.scheduler.add(this.source(stimulus));
    this.schedule();
  }

  /** The world outside comes to rest: no stimulus makes edges any more. */
  stopStimuli(): void {
    this.catchUp();
    this.scheduler.clear();
    this.schedule();
  }

  /** A pin by offset or name. Throws NOT_FOUND. */
  pin(line: number | string, controller = 1): PinState {
    this.catchUp();
    const offset = this.offset(line, controller);
    const pins = this.board.pins[controller - 1]!;
    return {
      controller,
      line: offset,
      name: this.options.namesByController[controller - 1]![offset] ?? '',
      direction: DIRECTION_NAMES[pins.direction(offset)],
      level: pins.level(offset),
    };
  }

  /** Applies a level to a pin from outside, now. An output keeps showing what the firmware drives. */
  drive(line: number | string, level: LevelBit, controller = 1): void {
    this.catchUp();
    const offset = this.offset(line, controller);
    this.board.pins[controller - 1]!.apply(offset, level, this.now() - this.firmware.bootNs);
  }

  /** Restarts the firmware: new boot_id, all its state lost, its clock from 0. The world outside goes on. */
  reboot(): void {
    this.catchUp();
    this.restart(this.now());
    this.schedule();
  }

  /** The firmware says something (BUS_LOG); `level` as syslog's. */
  log(level: number, text: string): void {
    this.firmware.bus.log(level, text);
  }

  /** A controller fails: NEEDS_RESET. */
  failController(controller = 1): void {
    this.firmware.bus.failDevice(controller);
  }

  stats(): CoprocessorStats {
    this.catchUp();
    const lines = this.lineStats();
    const wire = { ...this.wireTotals };
    addCounters(wire, this.link?.counters ?? {});
    addCounters(wire, { ...this.faultCounters });
    return {
      bootId: this.bootId,
      boots: this.boots,
      lines,
      total: totals(lines),
      bus: { ...this.board.busCounters },
      wire,
    };
  }

  /** Ends the simulation and closes its link, port and listeners. Idempotent. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    if (this.timer !== undefined) this.time.clear(this.timer);
    this.firmware.bus.detach();
    this.outputs.complete();
    await this.link?.close();
    await this.port?.close();
    await Promise.all(this.listeners.map((listener) => listener.close()));
  }

  private accept(stream: ByteStream): void {
    if (this.closed) {
      void stream.close();
      return;
    }
    this.catchUp();
    this.leavePort();
    const faulty = withWireFaults(
      stream,
      wireFaultsOf(this.options.faults),
      this.faultRandom,
      this.faultCounters,
    );
    this.port = new ServedPort(faulty, this.time);
    this.useLink(this.port.boot());
  }

  /** Closes the port that is served, if any. */
  private leavePort(): void {
    void this.port?.close();
    this.port = undefined;
  }

  private useLink(link: PacketLink): void {
    this.forgetLink();
    this.link = link;
    this.firmware.bus.attach(link);
  }

  private buildBoard(): Board {
    const { lines, controllers } = this.options;
    const numbers = Array.from({ length: controllers }, (_, i) => i + 1);
    return {
      options: this.options,
      pins: numbers.map(
        (controller) =>
          new SimulatedPins(lines, (line, direction, level) => {
            this.outputChanged(controller, line, direction, level);
          }),
      ),
      stats: numbers.map(() => Array.from({ length: lines }, newEdgeStats)),
      busCounters: newBusCounters(),
      now: () => this.now(),
      arrivalTime: (arrivedNs) => this.now() - Number(this.time.monotonicNs() - arrivedNs),
      beforeMessages: () => this.catchUp(),
    };
  }

  /** World time: ns since this coprocessor was made. */
  private now(): number {
    return Number(this.time.boottimeNs() - this.epochNs);
  }

  /** Makes everything that happened up to now, as far as one turn's budget goes; true when all was made. */
  private catchUp(): boolean {
    if (this.closed) return true;
    const now = this.now();
    let budget = TURN_BUDGET;
    for (;;) {
      const untilNs = Math.min(now, this.rebootAtNs);
      budget -= this.scheduler.run(untilNs, this.firmware.bootNs, budget);
      if (budget <= 0) return false;
      if (this.rebootAtNs > now) return true;
      this.restart(this.rebootAtNs);
    }
  }

  private schedule(): void {
    if (this.timer !== undefined) this.time.clear(this.timer);
    this.timer = undefined;
    const nextNs = Math.min(this.scheduler.nextNs, this.rebootAtNs);
    if (nextNs === NEVER || this.closed) return;
    const delayMs = Math.max(TICK_MS, (nextNs - this.now()) / 1e6);
    this.timer = this.time.set(() => {
      this.timer = undefined;
      this.catchUp();
      this.schedule();
    }, delayMs);
  }

  private restart(atNs: number): void {
    this.firmware.stop();
    this.boots++;
    this.rebootAtNs = atNs + this.rebootPeriodNs;
    this.firmware = new Firmware(this.board, randomBootId(this.firmware.bootId), atNs);
    const { port, link } = this;
    this.forgetLink();
    if (port !== undefined) this.useLink(port.boot());
    else if (link !== undefined && link.state.kind !== 'down') this.useLink(link);
  }

  private forgetLink(): void {
    if (this.link !== undefined) addCounters(this.wireTotals, this.link.counters);
    this.link = undefined;
  }

  private outputChanged(controller: number, line: number, direction: DirectionValue, level: LevelBit): void {
    this.outputs.next({ controller, line, direction: DIRECTION_NAMES[direction], level });
  }

  private offset(line: number | string, controller: number): number {
    const names = this.options.namesByController[controller - 1];
    if (names === undefined) {
      const { controllers } = this.options;
      throw new BridgeError('NOT_FOUND', `no controller ${controller}: there are 1 to ${controllers}`);
    }
    const offset = typeof line === 'number' ? line : line === '' ? -1 : names.indexOf(line);
    if (offset >= 0 && offset < this.options.lines) return offset;
    const range = `lines are 0 to ${this.options.lines - 1}, or named`;
    throw new BridgeError('NOT_FOUND', `no line '${line}' on controller ${controller}: ${range}`);
  }

  private source(stimulus: Stimulus): EdgeSource {
    const { controller } = stimulus;
    const startNs = this.now();
    const first = this.offset(stimulus.kind === 'random' ? stimulus.first : stimulus.line, controller);
    const pins = this.board.pins[controller - 1]!;
    switch (stimulus.kind) {
      case 'toggle':
        return new ToggleSource(pins, first, stimulus.periodNs, startNs);
      case 'pulse':
        return new PulseSource(pins, first, stimulus.periodNs, stimulus.widthNs, startNs);
      case 'random': {
        const count = this.offset(stimulus.last, controller) - first + 1;
        return new RandomSource(pins, first, count, stimulus.edgesPerSecond, this.random, startNs);
      }
    }
  }

  private lineStats(): LineStats[] {
    const all: LineStats[] = [];
    this.board.stats.forEach((lines, i) => {
      lines.forEach((counted: EdgeStats, line) => {
        const name = this.options.namesByController[i]![line] ?? '';
        all.push({ controller: i + 1, line, name, ...counted, kept: this.firmware.devices[i]!.keptOf(line) });
      });
    });
    return all;
  }
}

function randomBootId(last: number): number {
  for (;;) {
    const id = randomInt(1, 0xffff_ffff);
    if (id !== last) return id;
  }
}
