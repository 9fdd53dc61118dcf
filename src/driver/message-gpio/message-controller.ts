import { BehaviorSubject, type Observable, Subject } from 'rxjs';
import type { Time } from '../../base/clock.js';
import { BridgeError } from '../../base/errors.js';
import type { Timeouts } from '../../base/timeouts.js';
import { Counters } from '../counters.js';
import type { DriverLog } from '../driver-log.js';
import { LineFace } from '../line-face.js';
import { LineMemory } from '../line-memory.js';
import type {
  InterruptBatch,
  InterruptItem,
  RemoteDescription,
  RemoteGpio,
  RemoteState,
} from '../remote-gpio.js';
import { AskFailed, askError, Refused } from './ask-errors.js';
import type { Exchange } from './exchange.js';
import { Interrupts } from './interrupts.js';
import type { PortLayout } from './layout.js';
import { type LineHost, LineOperations } from './line-operations.js';
import type { Command, DialectRules } from './rules.js';

export interface MessageControllerOptions {
  /** The coprocessor's name, with the port where it has several. */
  readonly name: string;
  readonly layout: PortLayout;
  readonly rules: DialectRules;
  readonly exchange: Exchange;
  readonly time: Time;
  readonly timeouts: Timeouts;
  readonly log: DriverLog;
  readonly onRestart: 'restore' | 'release';
}

const COUNTERS = ['edges', 'lines_unmasked', 'levels_unread', 'events_of_lines_that_are_off', 'restarts'];

/** One GPIO controller of firmware that speaks a dialect of messages. It stays while channels come and go. */
export class MessageController extends LineFace implements RemoteGpio, LineHost {
  readonly name: string;
  readonly port: number;
  readonly rules: DialectRules;
  readonly log: DriverLog;
  readonly wakeup: ReadonlySet<number>;
  readonly state$: Observable<RemoteState>;
  readonly interrupts$: Observable<InterruptBatch>;
  /** These dialects have no clock. */
  readonly deviceClock = undefined;
  description: RemoteDescription;
  readonly memory: LineMemory;
  readonly interrupts: Interrupts;

  private readonly states = new BehaviorSubject<RemoteState>({ kind: 'down', reason: 'no link yet' });
  private readonly batches = new Subject<InterruptBatch>();
  private readonly tally = new Counters(COUNTERS);
  protected readonly operations: LineOperations;
  private items: InterruptItem[] = [];
  /** A packet is being taken, or the lines are being set again: what there is to tell waits for its end. */
  private gathering = false;
  /** Grows with each loss of the channel. */
  private epoch = 0;
  private wasUp = false;
  private lostSinceNs: bigint | undefined;
  private opening: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: MessageControllerOptions) {
    super();
    const { layout, rules, exchange, time, timeouts } = options;
    this.name = options.name;
    this.port = layout.port;
    this.rules = rules;
    this.log = options.log;
    this.wakeup = layout.wakeup;
    this.state$ = this.states.asObservable();
    this.interrupts$ = this.batches.asObservable();
    this.description = describe(layout, rules);
    this.memory = new LineMemory(layout.lineCount);
    this.interrupts = new Interrupts({
      port: layout.port,
      lineCount: layout.lineCount,
      rules,
      exchange,
      wakeup: layout.wakeup,
      time,
      timeouts,
      counters: this.tally,
      tell: (item) => this.tell(item),
    });
    this.operations = new LineOperations(this);
  }

  get state(): RemoteState {
    return this.states.value;
  }

  get isUp(): boolean {
    return this.states.value.kind === 'up';
  }

  get counters(): Readonly<Record<string, number>> {
    return this.tally.values;
  }

  holdRearming(hold: boolean): void {
    this.interrupts.hold(hold);
  }

  requireUp(): void {
    const { state } = this;
    if (state.kind === 'up') return;
    const why = state.kind === 'down' ? state.reason : 'it is being brought up';
    throw new BridgeError('LINK_DOWN', `${this.name} takes no requests now: ${why}`);
  }

  ask(command: Command, own: boolean, sent?: () => void): Promise<number> {
    const origin = new Error();
    return new Promise((resolve, reject) => {
      const what = (): string => `${this.name}: ${this.rules.describe(command)}`;
      this.options.exchange.ask(command, own, {
        ...(sent === undefined ? {} : { sent }),
        answered: (status, value) => {
          if (status === 0) resolve(value);
          else reject(withStack(new Refused(what(), status), origin));
        },
        failed: (why) => {
          const error = askError(why, what(), this.options.timeouts.request);
          reject(withStack(new AskFailed(error, why), origin));
        },
      });
    });
  }

  /** An interrupt of this port came; what there is to tell waits for {@link flush}. */
  interrupt(line: number): boolean {
    const wasGathering = this.gathering;
    this.gathering = true;
    const known = this.interrupts.interrupt(line);
    this.gathering = wasGathering;
    return known;
  }

  /** Hands on what the packets of one read brought. */
  flush(arrivedNs: bigint): void {
    if (this.items.length === 0 || this.gathering) return;
    const { items } = this;
    this.items = [];
    this.batches.next({ arrivedNs, items });
  }

  /** A channel is up, and the firmware has not answered yet. */
  starting(): void {
    this.setState({ kind: 'starting' });
  }

  /** The channel is gone, or the firmware is silent; it was last heard at `lastGoodNs`. */
  lost(reason: string, lastGoodNs: bigint): void {
    this.epoch++;
    if (this.wasUp) this.lostSinceNs ??= lastGoodNs;
    this.interrupts.suspend();
    this.setState({ kind: 'down', reason });
  }

  /** The first was heard at `toNs` on a channel that replaces the one that was last heard at `fromNs`. */
  renewed(fromNs: bigint, toNs: bigint): void {
    if (!this.isUp) return;
    const wasGathering = this.gathering;
    this.gathering = true;
    if (this.interrupts.renewed()) this.items.push({ kind: 'break', reason: 'link', fromNs, toNs });
    this.gathering = wasGathering;
    this.flush(toNs);
  }

  /**
   * The firmware answers on a channel that is new, or again: sets every line as it was, and is up.
   * False: the channel ended meanwhile.
   */
  open(): Promise<boolean> {
    const { epoch } = this;
    const turn = this.opening.then(() => this.setLines(() => epoch === this.epoch));
    this.opening = turn;
    return turn;
  }

  private async setLines(isCurrent: () => boolean): Promise<boolean> {
    if (!isCurrent()) return false;
    const isFirst = this.lostSinceNs === undefined;
    this.gathering = true;
    // Whether the firmware had restarted cannot be known.
    if (this.options.onRestart === 'release' && !isFirst) this.forgetLines();
    const restored = await this.operations.restore(isCurrent);
    if (restored && !this.wasUp) {
      this.description = { ...this.description, outputs: await this.operations.standingOutputs(isCurrent) };
    }
    this.gathering = false;
    if (restored && !isFirst) this.tellReturn();
    this.flush(this.options.time.monotonicNs());
    if (!restored || !isCurrent()) return false;
    this.lostSinceNs = undefined;
    this.wasUp = true;
    this.setState({ kind: 'up', generation: 1 });
    return true;
  }

  close(reason: string): void {
    this.interrupts.end();
    this.setState({ kind: 'down', reason });
    this.states.complete();
    this.batches.complete();
  }

  private forgetLines(): void {
    const armed = this.memory.armed();
    for (const line of this.memory.remembered()) this.memory.forget(line);
    for (const line of armed) this.interrupts.lost(line);
  }

  /** Before all that was told while the lines were set again. */
  private tellReturn(): void {
    const toNs = this.options.time.monotonicNs();
    const reason = this.options.onRestart === 'release' ? 'firmware-restart' : 'link';
    this.items.unshift({ kind: 'break', reason, fromNs: this.lostSinceNs ?? toNs, toNs });
    this.tally.count('restarts');
  }

  private tell(item: InterruptItem): void {
    this.items.push(item);
    if (!this.gathering) this.flush(this.options.time.monotonicNs());
  }

  private setState(state: RemoteState): void {
    const { value } = this.states;
    if (
      value.kind === state.kind &&
      (value.kind !== 'down' || value.reason === (state as typeof value).reason)
    ) {
      return;
    }
    this.states.next(state);
  }

  protected checkLine(line: number): void {
    const { lineCount } = this.description;
    if (Number.isInteger(line) && line >= 0 && line < lineCount) return;
    throw new BridgeError(
      'INVALID_ARGUMENT',
      `${this.name} has no line ${line}: it has lines 0 to ${lineCount - 1}`,
    );
  }
}

function describe(layout: PortLayout, rules: DialectRules): RemoteDescription {
  return {
    dialect: rules.dialect,
    firmware: '',
    lineCount: layout.lineCount,
    names: Array.from({ length: layout.lineCount }, (_, line) => layout.names[line] || undefined),
    warnings: [],
    hasInterrupts: true,
    countsLoss: false,
    stampsEdges: false,
    eventDepth: 1,
  };
}

/** The error with the stack of whoever asked. */
function withStack<E extends Error>(error: E, origin: Error): E {
  const frames = origin.stack?.split('\n').slice(1).join('\n') ?? '';
  error.stack = `${error.name}: ${error.message}\n${frames}`;
  return error;
}
