import { randomInt } from 'node:crypto';
import { type Observable, Subject } from 'rxjs';
import type { Time, TimerHandle } from '../src/base/clock.js';
import { BridgeError, toBridgeError } from '../src/base/errors.js';
import { type EdgeStats, newEdgeStats } from '../src/device/event-line.js';
import type { DirectionValue, LevelBit } from '../src/device/line-backend.js';
import type { Listener } from '../src/link/listener.js';
import type { PacketLink } from '../src/link/packet-link.js';
import { systemTime } from '../src/linux/clock.js';
import { BoardLines } from './board-lines.js';
import { CrashCycle } from './crash-cycle.js';
import { DeviceClock } from './device-clock.js';
import { EdgeScheduler } from './edge-scheduler.js';
import { type Fault, isMessageFault } from './fault.js';
import { boot, newFirmwareCounters } from './firmware/boot.js';
import type { Board, Firmware } from './firmware/firmware.js';
import { HostConnection } from './host-connection.js';
import { type CoprocessorOptions, type ResolvedOptions, resolveOptions } from './options.js';
import { DIRECTION_NAMES, type OutputChange, type PinState } from './pin-state.js';
import { SimulatedPins } from './pins.js';
import { type Connection, Ports } from './ports.js';
import { Random } from './random.js';
import { type CoprocessorStats, type LineStats, totals } from './stats.js';
import type { Stimulus } from './stimulus.js';
import { checkStimulus, type SourceContext, sourceOf } from './stimulus-source.js';

/** The longest the simulator goes without looking at its stimuli while one is due within it, ms. */
const TICK_MS = 1;
/** Edges made in one turn: keeps the process answering when it is far behind. */
const TURN_BUDGET = 20_000;
const MAX_STIMULI = 4_096;
const NEVER = Number.POSITIVE_INFINITY;

/**
 * A coprocessor with GPIO lines, simulated: firmware that speaks one of the dialects, and pins that follow
 * stimuli and {@link drive}. It starts with its construction and runs until {@link close}; links
 * to it come and go ({@link attach}), as ports do on a board that runs on.
 */
export class SimulatedCoprocessor {
  readonly options: ResolvedOptions;
  /** Each change of what the firmware drives, in order: an output that pulses shows here. */
  readonly outputs$: Observable<OutputChange>;

  /** What came to its end before its time: a file of a replay that could not be read on. */
  readonly problems$: Observable<BridgeError>;

  private readonly outputs = new Subject<OutputChange>();
  private readonly problems = new Subject<BridgeError>();
  private readonly epochNs: bigint;
  private readonly board: Board;
  private readonly scheduler = new EdgeScheduler();
  private readonly lines: BoardLines;
  private readonly sources: SourceContext;
  private readonly host: HostConnection;
  private readonly crashes: CrashCycle;
  private firmware: Firmware;
  private boots = 1;
  private rebootPeriodNs = NEVER;
  private rebootAtNs = NEVER;
  private driftPpm = 0;
  private timer: TimerHandle | undefined;
  private readonly ports: Ports;
  private closed = false;

  /**
   * Throws INVALID_ARGUMENT for options out of range, NOT_FOUND for stimuli of lines that are not
   * there, IO_ERROR for a replay that cannot be read. `time` is what it lives by.
   */
  constructor(
    options: CoprocessorOptions = {},
    readonly time: Time = systemTime,
  ) {
    this.options = resolveOptions(options);
    this.outputs$ = this.outputs.asObservable();
    this.problems$ = this.problems.asObservable();
    this.lines = new BoardLines(this.options);
    for (const stimulus of this.options.stimuli) this.checkStimulus(stimulus);
    this.epochNs = time.boottimeNs();
    this.host = new HostConnection(this.options, time, (link) => this.firmware.attach(link));
    this.crashes = new CrashCycle(time, {
      goDown: () => this.closePorts(),
      comeBack: () => this.comeBack(),
    });
    this.ports = new Ports(time, this.options.services, (connection) => this.accept(connection));
    this.board = this.buildBoard();
    this.sources = {
      lines: this.lines,
      pins: this.board.pins,
      random: new Random(this.options.seed),
      failed: (error) => this.problems.next(error),
    };
    this.firmware = boot(this.board, { bootId: randomBootId(0), clock: new DeviceClock(0, 0) });
    for (const fault of this.options.faults) this.setFault(fault);
    for (const stimulus of this.options.stimuli) this.addStimulus(stimulus);
    this.schedule();
  }

  /** Never 0; another after each restart. */
  get bootId(): number {
    return this.firmware.bootId;
  }

  /** Whether a driver brought every controller up, or, where there is nothing to bring up, was answered. */
  get driverOk(): boolean {
    return this.firmware.driverOk;
  }

  /** Serves a link, in place of the one before, which is left open. The firmware runs on. */
  attach(link: PacketLink): void {
    this.catchUp();
    this.host.use(link);
  }

  /** Leaves the link: what happens is kept until there is another. */
  detach(): void {
    this.catchUp();
    this.firmware.detach();
    this.host.leave();
  }

  /**
   * Listens at `pty:PATH`, `unix:PATH`, `tcp:HOST:PORT`, `seqpacket:PATH` or `vhost-user-rpmsg:PATH` and
   * serves whoever connects; resolves with the listener, whose name has the port that was chosen for 0. Rejects with
   * INVALID_ARGUMENT, BUSY, PERMISSION_DENIED or IO_ERROR.
   */
  async listen(url: string): Promise<Listener> {
    const listener = await this.ports.listen(url);
    const { plain, baud } = this.options;
    if ('streams$' in listener || (!plain && baud === undefined)) return listener;
    await listener.close();
    const option = plain ? 'plain' : 'baud';
    throw new BridgeError('INVALID_ARGUMENT', `${url} carries messages and no bytes: leave out '${option}'`);
  }

  /**
   * Serves whoever connects: one at a time, a new connection in place of the one before, while the
   * firmware runs on. Byte streams carry serial links, with the wire faults of the options; a packet
   * link is served as it is, and ends when the firmware restarts. The listener is closed with the
   * coprocessor.
   */
  serve(listener: Listener): void {
    this.ports.serve(listener);
  }

  /** The cable is pulled: nothing listens any more, the connection ends. The firmware runs on. */
  async closePorts(): Promise<void> {
    await this.ports.closePorts();
    if (this.host.isPort) this.detach();
  }

  /** The cable is back: listens where it did before. Rejects as {@link listen}. */
  openPorts(): Promise<void> {
    return this.ports.reopen();
  }

  /** Throws NOT_SUPPORTED for faults of single messages, where the dialect has none. */
  checkFault(fault: Fault): void {
    const { dialect } = this.options;
    if (dialect !== 'virtio-msg' || !isMessageFault(fault)) return;
    const why = `${dialect} has no messages that stand by themselves: use faults of the wire`;
    throw new BridgeError('NOT_SUPPORTED', `fault '${fault.kind}': ${why}`);
  }

  /**
   * From now on this goes wrong, too; the last of a kind counts, and one with 0 ends its kind. Wire
   * faults and crashes concern ports (listen, serve), not links given to {@link attach}. Throws as
   * {@link checkFault}.
   */
  setFault(fault: Fault): void {
    this.checkFault(fault);
    this.catchUp();
    if (fault.kind === 'reboot') {
      this.rebootPeriodNs = fault.periodNs;
      this.rebootAtNs = this.now() + fault.periodNs;
      this.schedule();
    } else if (fault.kind === 'drift') {
      this.driftPpm = fault.ppm;
      this.firmware.clock.setDrift(fault.ppm, this.now());
    } else if (fault.kind === 'crash') {
      this.crashes.set(fault.periodNs, fault.lengthNs);
    } else {
      this.host.setFault(fault);
    }
  }

  /** Nothing goes wrong by itself any more; the clock runs true, from what it shows. */
  clearFaults(): void {
    this.setFault({ kind: 'drift', ppm: 0 });
    this.setFault({ kind: 'reboot', periodNs: NEVER });
    this.crashes.set(0, 0);
    this.host.clearFaults();
  }

  /** Throws what {@link addStimulus} would; of a replay the file is read to its end. */
  checkStimulus(stimulus: Stimulus): void {
    checkStimulus(stimulus, this.lines);
  }

  /**
   * From now on the world does this to the pins. Throws NOT_FOUND for a line that is not there; for a
   * replay IO_ERROR or INVALID_ARGUMENT. Its file is read as it is played: what is found wrong
   * later comes through {@link problems$}.
   */
  addStimulus(stimulus: Stimulus): void {
    this.catchUp();
    if (this.scheduler.size >= MAX_STIMULI) {
      throw new BridgeError('QUEUE_FULL', `${MAX_STIMULI} stimuli are at work already: stop some`);
    }
    this.scheduler.add(sourceOf(stimulus, this.sources, this.now()));
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
    const offset = this.lines.offset(line, controller);
    const pins = this.board.pins[controller - 1]!;
    const wakeup = this.firmware.wakesUp(controller - 1, offset);
    return {
      controller,
      line: offset,
      name: this.lines.name(offset, controller),
      direction: DIRECTION_NAMES[pins.direction(offset)],
      level: pins.level(offset),
      ...(wakeup === undefined ? {} : { wakeup }),
    };
  }

  /** Applies a level to a pin from outside, now. An output keeps showing what the firmware drives. */
  drive(line: number | string, level: LevelBit, controller = 1): void {
    this.catchUp();
    const offset = this.lines.offset(line, controller);
    this.board.pins[controller - 1]!.apply(offset, level, this.firmware.clock.at(this.now()));
  }

  /** Restarts the firmware: new boot_id, all its state lost, its clock from 0. The world outside goes on. */
  reboot(): void {
    this.catchUp();
    this.restart(this.now());
    this.schedule();
  }

  /** The firmware says something (BUS_LOG), if its dialect can; `level` as syslog's. */
  log(level: number, text: string): void {
    this.firmware.log(level, text);
  }

  /** A controller fails: NEEDS_RESET. Throws NOT_SUPPORTED where the dialect cannot say so. */
  failController(controller = 1): void {
    this.firmware.failController(controller);
  }

  stats(): CoprocessorStats {
    this.catchUp();
    const lines = this.lineStats();
    return {
      bootId: this.bootId,
      boots: this.boots,
      lines,
      total: totals(lines),
      bus: { ...this.board.busCounters },
      wire: this.host.counters,
    };
  }

  /** Ends the simulation and closes its link, port and listeners. Idempotent. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    if (this.timer !== undefined) this.time.clear(this.timer);
    this.crashes.stop();
    this.firmware.detach();
    this.scheduler.clear();
    this.outputs.complete();
    this.problems.complete();
    await this.host.close();
    await this.ports.end();
  }

  private accept(connection: Connection): void {
    if (this.closed) {
      void ('link' in connection ? connection.link : connection.stream).close();
      return;
    }
    this.catchUp();
    this.host.accept(connection);
  }

  private async comeBack(): Promise<void> {
    if (this.closed) return;
    this.reboot();
    await this.openPorts().catch((error: unknown) => this.problems.next(toBridgeError(error)));
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
      busCounters: newFirmwareCounters(this.options.dialect),
      now: () => this.now(),
      arrivalTime: (arrivedNs) => {
        // In this order: what lies between the readings makes the arrival later, which costs accuracy and is no lie.
        const sinceNs = Number(this.time.monotonicNs() - arrivedNs);
        return this.now() - sinceNs;
      },
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
      budget -= this.scheduler.run(untilNs, this.firmware.clock, budget);
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
    const clock = new DeviceClock(atNs, this.driftPpm);
    this.firmware = boot(this.board, { bootId: randomBootId(this.firmware.bootId), clock });
    this.host.rebooted();
  }

  private outputChanged(controller: number, line: number, direction: DirectionValue, level: LevelBit): void {
    this.outputs.next({ controller, line, direction: DIRECTION_NAMES[direction], level });
  }

  private lineStats(): LineStats[] {
    const all: LineStats[] = [];
    this.board.stats.forEach((lines, i) => {
      lines.forEach((counted: EdgeStats, line) => {
        const name = this.lines.name(line, i + 1);
        all.push({ controller: i + 1, line, name, ...counted, kept: this.firmware.keptOf(i, line) });
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
