import { BehaviorSubject, type Observable, Subject } from 'rxjs';
import type { Time } from '../../base/clock.js';
import { BridgeError, type ErrorName } from '../../base/errors.js';
import type { Timeouts } from '../../base/timeouts.js';
import { IRQ_TYPE } from '../../wire/virtio-gpio.js';
import type { VqUsed } from '../../wire/virtio-msg/queue.js';
import { Counters } from '../counters.js';
import type { DriverLog } from '../driver-log.js';
import { LineFace } from '../line-face.js';
import { LineMemory } from '../line-memory.js';
import type {
  DeviceClock,
  InterruptBatch,
  InterruptItem,
  RemoteDescription,
  RemoteGpio,
  RemoteState,
} from '../remote-gpio.js';
import { type DeviceSetup, getStatus, RUNNING, readShape } from './bring-up.js';
import type { BusSession } from './bus-session.js';
import { describeController, sameDescription } from './description.js';
import { GpioQueues } from './gpio-queues.js';
import { type Heard, LastGood } from './last-good.js';
import { type LineHost, LineOperations } from './line-operations.js';
import { clearLeftovers, restoreLines, settleUnknown } from './restore.js';
import { standingOutputs } from './standing-outputs.js';

export interface GpioControllerOptions {
  readonly devNum: number;
  /** The coprocessor's name, with the device number where it has several controllers. */
  readonly name: () => string;
  readonly time: Time;
  readonly timeouts: Timeouts;
  readonly log: DriverLog;
  readonly onRestart: 'restore' | 'release';
  /** The coprocessor's clock, where it has one. */
  readonly clock: () => DeviceClock | undefined;
  /** The device has to be brought up from status 0. */
  readonly needsReset: (why: string) => void;
}

const COUNTERS = [
  'requests_sent',
  'requests_answered',
  'requests_failed',
  'requests_timed_out',
  'requests_refused',
  'late_answers',
  'edges',
  'accounts',
  'events_invalid',
  'events_repeated',
  'event_buffers_queued',
  'used_unknown_id',
  'used_too_long',
  'resumes',
  'restarts',
];

/** One virtio-gpio controller behind the in-band bus. It stays while channels and firmware come and go. */
export class GpioController extends LineFace implements RemoteGpio, LineHost {
  readonly devNum: number;
  readonly state$: Observable<RemoteState>;
  readonly interrupts$: Observable<InterruptBatch>;
  description: RemoteDescription | undefined;
  memory = new LineMemory(0);

  private readonly states = new BehaviorSubject<RemoteState>({ kind: 'starting' });
  private readonly interrupts = new Subject<InterruptBatch>();
  private readonly tally = new Counters(COUNTERS);
  protected readonly operations = new LineOperations(this);
  private queues: GpioQueues | undefined;
  private held = false;
  /** Of descriptions. */
  private generation = 0;
  /** Of the configuration space, as the device counts it. */
  private configGeneration = 0;
  private readonly lastGood = new LastGood();
  /** The last moment known to be good, while the device is not in touch. */
  private lostSinceNs: bigint | undefined;
  /** Lines that went off with a restart, to be told after it. */
  private owed: InterruptItem[] = [];

  constructor(private readonly options: GpioControllerOptions) {
    super();
    this.devNum = options.devNum;
    this.state$ = this.states.asObservable();
    this.interrupts$ = this.interrupts.asObservable();
  }

  get name(): string {
    return this.options.name();
  }

  get state(): RemoteState {
    return this.states.value;
  }

  get counters(): Readonly<Record<string, number>> {
    return this.tally.values;
  }

  get deviceClock(): DeviceClock | undefined {
    return this.options.clock();
  }

  holdRearming(hold: boolean): void {
    this.held = hold;
    this.queues?.hold(hold);
  }

  get openQueues(): GpioQueues | undefined {
    return this.states.value.kind === 'up' ? this.queues : undefined;
  }

  requireQueues(): GpioQueues {
    const queues = this.openQueues;
    if (queues !== undefined) return queues;
    const { state } = this;
    const why = state.kind === 'down' ? state.reason : 'it is being brought up';
    throw new BridgeError('LINK_DOWN', `${this.name} takes no requests now: ${why}`);
  }

  emitNow(items: readonly InterruptItem[]): void {
    this.interrupts.next({ arrivedNs: this.options.time.monotonicNs(), items });
  }

  /** Takes a VQ_USED of this device. */
  take(message: VqUsed, nowMs: number): void {
    if (this.queues?.alive === true) this.queues.take(message, nowMs);
    else this.tally.count('used_unknown_queue');
  }

  /** Hands on what the packets of one read brought. */
  flush(arrivedNs: bigint): void {
    this.queues?.flush(arrivedNs);
  }

  /** The channel is gone; see {@link LastGood.at}. */
  channelLost(reason: string, heard: Heard): void {
    this.lostSinceNs ??= this.lastGood.at(this.deviceClock, heard);
    this.queues?.suspend();
    this.setState({ kind: 'down', reason });
  }

  /** The driver says HELLO on a channel that stays; requests wait meanwhile. */
  pauseForHello(): void {
    this.queues?.suspend();
  }

  /** A channel is up, and the device not yet. */
  starting(): void {
    this.setState({ kind: 'starting' });
  }

  /** The device lost its state, or is about to: all in flight fails, all is set again later. */
  stateLost(name: ErrorName, why: string, heard: Heard): void {
    this.lostSinceNs ??= this.lastGood.at(this.deviceClock, heard);
    this.lastGood.restarted();
    this.queues?.end(name, why);
    this.operations.leftovers.clear();
    this.setState({ kind: 'starting' });
  }

  /** Could not be brought up. */
  failed(reason: string): void {
    this.queues?.end('LINK_DOWN', reason);
    this.setState({ kind: 'down', reason });
  }

  /** The device is gone for good. */
  remove(reason: string): void {
    this.queues?.end('LINK_DOWN', reason);
    this.setState({ kind: 'down', reason });
    this.states.complete();
    this.interrupts.complete();
  }

  /** Takes over a device that is at DRIVER_OK: describes it, sets its lines again, and is up. */
  async open(
    session: BusSession,
    setup: DeviceSetup,
    firmware: string,
    adopted: boolean,
    clockReady: Promise<void>,
  ): Promise<void> {
    const queues = this.newQueues(session, setup);
    this.queues = queues;
    const isFirst = this.description === undefined;
    const described = await describeController(session, setup, queues.requests, firmware);
    const description =
      adopted && isFirst ? { ...described, outputs: await standingOutputs(queues) } : described;
    for (const { line, armed } of this.describe(description)) if (armed) this.owe(line);
    this.configGeneration = setup.generation;
    if (adopted) queues.irqUnknown.fill(1);
    await clockReady;
    if (!isFirst) await this.setLinesAgain(queues);
    this.goUp(queues);
  }

  /** Goes on after a broken channel; false: the device is not as it was, bring it up from status 0. */
  async resume(session: BusSession): Promise<boolean> {
    const { queues } = this;
    if (queues?.alive !== true) return false;
    if ((await getStatus(session, this.devNum)) !== RUNNING) return false;
    const unknown = queues.resume(session.outbox);
    await settleUnknown(queues, unknown);
    const leftovers = new Map(this.operations.leftovers);
    await clearLeftovers(queues, leftovers, this.options.log);
    if (!session.isEstablished) throw new BridgeError('LINK_DOWN', `${this.name}: the channel broke again`);
    for (const line of leftovers.keys()) this.operations.leftovers.delete(line);
    this.tally.count('resumes');
    this.emitResumed(queues.setup.features.stamp);
    queues.resumeEvents();
    this.goUp(queues);
    return true;
  }

  /** Whether this generation of the configuration is the one that was read last. */
  knowsGeneration(generation: number): boolean {
    return generation === this.configGeneration;
  }

  /**
   * Reads the description again: the configuration changed. Lines that are no longer what they were
   * are given back. False when the device is of another shape, so that its queues have to be set
   * up again.
   */
  async describeAgain(session: BusSession, firmware: string): Promise<boolean> {
    const { queues } = this;
    if (queues?.alive !== true) return false;
    const { setup } = queues;
    const shape = await readShape(session, this.devNum, setup.features, setup.configSize);
    if (shape.lineCount !== setup.lineCount || shape.eventDepth !== setup.eventDepth) return false;
    const next = { ...setup, ...shape };
    const description = await describeController(session, next, queues.requests, firmware);
    if (!queues.alive || queues !== this.queues) return true;
    this.configGeneration = shape.generation;
    const changed = this.describe(description);
    if (this.states.value.kind !== 'up') return true;
    this.goUp(queues);
    // Each is bounded by its time limit, and a failure was counted: the line is nobody's either way.
    for (const { line } of changed) this.operations.releaseLine(line).catch(() => {});
    return true;
  }

  /** What needs the silence of lines: armed ones unheard since `sinceNs`, and requests unanswered since then. */
  silence(eventSinceNs: bigint, requestSinceNs: bigint): { lines: number[]; requests: boolean } {
    const { queues } = this;
    if (queues?.alive !== true || this.states.value.kind !== 'up') return { lines: [], requests: false };
    const oldest = queues.requests.oldestSentNs;
    return {
      lines: [
        ...(queues.events?.silentLines(Number(eventSinceNs / 1_000_000n)) ?? []),
        ...this.operations.unarmedLines(queues),
      ],
      requests: oldest !== undefined && oldest < requestSinceNs,
    };
  }

  /** Arms a line anew whose buffer may be lost, on a bus that cannot resume. */
  async rearm(line: number): Promise<void> {
    await this.operations.rearm(line);
  }

  private newQueues(session: BusSession, setup: DeviceSetup): GpioQueues {
    const { time, timeouts, needsReset } = this.options;
    const queues = new GpioQueues({
      setup,
      maxMsgSize: session.maxMsgSize,
      outbox: session.outbox,
      time,
      timeouts,
      counters: this.tally,
      name: () => this.name,
      emit: (items, arrivedNs) => {
        this.lastGood.handedOn(items);
        this.interrupts.next({ arrivedNs, items });
      },
      needsReset,
    });
    queues.hold(this.held);
    return queues;
  }

  /** Takes a description. Returns the lines that are no longer what they were; they are forgotten. */
  private describe(next: RemoteDescription): { line: number; armed: boolean }[] {
    const before = this.description;
    this.description = next;
    for (const warning of next.warnings.slice(0, MAX_WARNINGS)) {
      this.options.log('warn', `${this.name}: ${warning}`);
    }
    if (before !== undefined && sameDescription(before, next)) return [];
    this.generation++;
    const { memory } = this;
    const stays = (line: number): boolean =>
      line < next.lineCount && before !== undefined && before.names[line] === next.names[line];
    const gone = memory.remembered().filter((line) => !stays(line));
    const changed = gone.map((line) => ({ line, armed: memory.irqType(line) !== IRQ_TYPE.NONE }));
    this.memory = memory.reshaped(next.lineCount, stays);
    return changed;
  }

  private owe(line: number): void {
    this.owed.push({ kind: 'disabled', line, counted: false });
  }

  /** After a restart. */
  private async setLinesAgain(queues: GpioQueues): Promise<void> {
    const { log, onRestart } = this.options;
    if (onRestart === 'release' || queues.events === undefined) {
      for (const line of this.memory.armed()) {
        this.owe(line);
        this.memory.setIrqType(line, IRQ_TYPE.NONE);
      }
    }
    if (onRestart === 'release') this.memory = new LineMemory(this.memory.lineCount);
    const { items, armed } = await restoreLines(queues, this.memory, log);
    this.tally.count('restarts');
    this.emitReturn({ kind: 'break', reason: 'firmware-restart' }, items);
    for (const line of armed) {
      if (queues.events!.canArm(line)) queues.arm(line, this.memory.irqType(line));
      else this.armFailed(line);
    }
  }

  private armFailed(line: number): void {
    this.memory.setIrqType(line, IRQ_TYPE.NONE);
    this.options.log('warn', `${this.name}: no event buffer is left for line ${line} after the restart`);
    this.emitNow([{ kind: 'disabled', line, counted: false }]);
  }

  private emitResumed(counts: boolean): void {
    if (counts) this.emitReturn({ kind: 'resumed' }, []);
    // Without a break of the channel nothing is new: no edge of such a device says how many were lost.
    else if (this.lostSinceNs !== undefined) this.emitReturn({ kind: 'break', reason: 'link' }, []);
  }

  /** Tells that the device is back, and then of its lines. */
  private emitReturn(
    what: { kind: 'resumed' } | { kind: 'break'; reason: 'link' | 'firmware-restart' },
    items: readonly InterruptItem[],
  ): void {
    const toNs = this.options.time.monotonicNs();
    const fromNs = this.lostSinceNs ?? toNs;
    this.lostSinceNs = undefined;
    this.emitNow([{ ...what, fromNs, toNs }, ...this.owed.splice(0), ...items]);
  }

  private goUp(queues: GpioQueues): void {
    queues.requests.hold(false);
    this.setState({ kind: 'up', generation: this.generation });
  }

  private setState(state: RemoteState): void {
    if (sameState(state, this.states.value)) return;
    this.states.next(state);
  }

  protected checkLine(line: number): void {
    const count = this.description?.lineCount ?? 0;
    if (Number.isInteger(line) && line >= 0 && line < count) return;
    throw new BridgeError(
      'INVALID_ARGUMENT',
      `${this.name} has no line ${line}: it has lines 0 to ${count - 1}`,
    );
  }
}

/** Warnings of one description that are logged; all of them are in the description. */
const MAX_WARNINGS = 10;

function sameState(a: RemoteState, b: RemoteState): boolean {
  if (a.kind === 'down' && b.kind === 'down') return a.reason === b.reason;
  if (a.kind === 'up' && b.kind === 'up') return a.generation === b.generation;
  return a.kind === b.kind;
}
