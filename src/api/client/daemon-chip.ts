import { BehaviorSubject, type Observable, Subject } from 'rxjs';
import type { TimerHandle, Timers } from '../../base/clock.js';
import { BridgeError, messageOf } from '../../base/errors.js';
import type {
  Chip,
  ChipState,
  LineInfo,
  LineInfoChange,
  LineRequest,
  LineRequestConfig,
} from '../../gpio/chip.js';
import { DaemonLineRequest } from './daemon-line-request.js';
import type { BridgeClient, ChipClient, ChipInfo } from './types.js';

export interface DaemonChipOptions {
  /** Name, number or path, as for `openChip`. */
  readonly id: string;
  /** Finds the daemon. */
  readonly connect: () => Promise<BridgeClient>;
  readonly timers: Timers;
  /** Pause before the daemon is looked for again, ms. */
  readonly retryMs: number;
}

/** One connection to the daemon, and what it told. */
interface Connected {
  readonly daemon: BridgeClient;
  readonly chip: ChipClient;
  info: ChipInfo;
  lines: LineInfo[];
}

/**
 * A chip of a daemon as if it were one of this process: it is down while no daemon answers, and comes
 * back with it. Requests end when the connection does.
 */
export class DaemonChip implements Chip {
  readonly state$: Observable<ChipState>;
  readonly lineInfo$: Observable<LineInfoChange>;
  private readonly states = new BehaviorSubject<ChipState>({ kind: 'starting' });
  private readonly changes = new Subject<LineInfoChange>();
  private connected: Connected | undefined;
  private timer: TimerHandle | undefined;
  private closed = false;

  /** Rejects where there is no such chip, or no daemon, to begin with. */
  static async open(options: DaemonChipOptions): Promise<DaemonChip> {
    const chip = new DaemonChip(options);
    const connected = await chip.connect();
    void chip.follow(connected);
    return chip;
  }

  private constructor(private readonly options: DaemonChipOptions) {
    this.state$ = this.states.asObservable();
    this.lineInfo$ = this.changes.asObservable();
  }

  get name(): string {
    return this.connected?.info.name ?? this.options.id;
  }

  get label(): string {
    return this.connected?.info.label ?? '';
  }

  get lineCount(): number {
    return this.connected?.lines.length ?? 0;
  }

  get countsLoss(): boolean {
    return this.connected?.info.countsLoss ?? false;
  }

  get state(): ChipState {
    return this.states.value;
  }

  lineInfo(offset: number): LineInfo {
    const info = this.connected?.lines[offset];
    if (info !== undefined) return info;
    throw new BridgeError('INVALID_ARGUMENT', `offset ${offset} is out of range on chip '${this.name}'`);
  }

  findLine(name: string): number | undefined {
    return this.connected?.lines.find((line) => line.name === name)?.offset;
  }

  async requestLines(request: LineRequestConfig): Promise<LineRequest> {
    if (this.connected === undefined) throw new BridgeError('NO_DAEMON', 'no daemon answers now');
    return new DaemonLineRequest(await this.connected.chip.requestLines(request));
  }

  /** Ends every connection, and every request with them. Idempotent. */
  close(): void {
    this.closed = true;
    if (this.timer !== undefined) this.options.timers.clear(this.timer);
    this.connected?.daemon.close();
  }

  private async connect(): Promise<Connected> {
    const daemon = await this.options.connect();
    try {
      const chip = await daemon.openChip(this.options.id);
      return { daemon, chip, info: await chip.info(), lines: await chip.lines() };
    } catch (thrown) {
      daemon.close();
      throw thrown;
    }
  }

  /** Keeps up with the chip until the connection breaks, and then finds the daemon again. */
  private async follow(connected: Connected): Promise<void> {
    this.connected = connected;
    const { chip, daemon } = connected;
    void this.followLines(connected);
    let why = 'the daemon is gone';
    try {
      for await (const state of chip.states()) {
        if (state.kind === 'up') {
          connected.info = await chip.info();
          connected.lines = await chip.lines();
        }
        this.states.next(state);
      }
    } catch (thrown) {
      why = messageOf(thrown);
    }
    daemon.close();
    this.connected = undefined;
    this.lost(why);
  }

  private async followLines(connected: Connected): Promise<void> {
    try {
      for await (const change of connected.chip.lineChanges()) {
        connected.lines[change.info.offset] = change.info;
        this.changes.next(change);
      }
    } catch {
      // The connection broke, which the states tell, too.
    }
  }

  private lost(reason: string): void {
    if (this.closed) return;
    this.states.next({ kind: 'down', reason });
    this.timer = this.options.timers.set(() => {
      this.connect().then(
        (connected) => (this.closed ? connected.daemon.close() : this.follow(connected)),
        (error: unknown) => this.lost(messageOf(error)),
      );
    }, this.options.retryMs);
  }
}
