import {
  BehaviorSubject,
  distinctUntilChanged,
  filter,
  firstValueFrom,
  type Observable,
  Subject,
  type Subscription,
} from 'rxjs';
import type { Clock, Timers } from '../base/clock.js';
import { BridgeError } from '../base/errors.js';
import type { RemoteGpio, RemoteState } from '../driver/remote-gpio.js';
import { EventRouter } from '../events/event-router.js';
import type {
  Chip,
  ChipState,
  Level,
  LineInfo,
  LineInfoChange,
  LineRequest,
  LineRequestConfig,
} from './chip.js';
import { checkLineConfigs, checkOffset, checkRequest } from './line-config.js';
import { CoprocessorLineRequest, type RequestFace } from './line-request.js';
import type { Reservation } from './line-reservations.js';
import { type HoldChange, LineTable } from './line-table.js';
import { COPROCESSOR_DOWN } from './told-through.js';

export interface CoprocessorChipOptions {
  readonly name: string;
  readonly remote: RemoteGpio;
  /** Default: the firmware's identity. */
  readonly label?: string;
  readonly clock: Clock;
  readonly timers: Timers;
  /** How long a request waits for a controller that is just being brought up, ms. */
  readonly startingMs: number;
  /** What becomes of requests when the firmware restarted; default `restore`. */
  readonly onRestart?: 'restore' | 'release';
}

/** The chip of one remote controller. It outlives the controller's absences, and so do its requests. */
export class CoprocessorChip implements Chip {
  readonly name: string;
  readonly state$: Observable<ChipState>;
  readonly lineInfo$: Observable<LineInfoChange>;

  /** Other lines have been described, or the first. */
  readonly described$: Observable<void>;
  /** Lines requested, released and reconfigured, by their offsets; for synthetic chips. */
  readonly holdChanges$: Observable<HoldChange>;

  private readonly remote: RemoteGpio;
  private readonly descriptions = new Subject<void>();
  private readonly lines: LineTable;
  private readonly router: EventRouter;
  private readonly states: BehaviorSubject<ChipState>;
  private readonly subscriptions: Subscription[];
  private generation: number | undefined;

  constructor(private readonly options: CoprocessorChipOptions) {
    this.name = options.name;
    this.remote = options.remote;
    this.lines = new LineTable(options.name, options.clock);
    this.router = new EventRouter(options.remote);
    this.lineInfo$ = this.lines.changes$;
    this.holdChanges$ = this.lines.holdChanges$;
    this.described$ = this.descriptions.asObservable();
    this.states = new BehaviorSubject(chipState(options.remote.state));
    this.state$ = this.states.pipe(distinctUntilChanged(sameState));
    this.subscriptions = [options.remote.state$.subscribe((state) => this.follow(state))];
    if (options.onRestart === 'release') this.subscriptions.push(this.endRequestsOnRestart());
  }

  get label(): string {
    const { description } = this.remote;
    // Firmware of some dialects has no name to tell.
    return this.options.label ?? (description?.firmware || description?.dialect || '');
  }

  get lineCount(): number {
    return this.lines.lineCount;
  }

  get countsLoss(): boolean {
    return this.remote.description?.countsLoss ?? false;
  }

  get state(): ChipState {
    return this.states.value;
  }

  lineInfo(offset: number): LineInfo {
    checkOffset(offset, this.name, this.lineCount);
    return this.lines.info(offset);
  }

  findLine(name: string): number | undefined {
    return this.lines.find(name);
  }

  async readLevel(offset: number): Promise<Level> {
    checkOffset(offset, this.name, this.lineCount);
    return this.remote.getValue(offset);
  }

  requestLines(request: LineRequestConfig): Promise<LineRequest> {
    return this.open(request, undefined);
  }

  /**
   * The part of a request through a synthetic chip that this chip has the lines of. `request` names
   * them by the offsets of this chip, which `face.reservations` must hold. Rejects as
   * {@link requestLines}, in terms of the synthetic chip.
   */
  requestPart(request: LineRequestConfig, face: RequestFace): Promise<CoprocessorLineRequest> {
    return this.open(request, face);
  }

  /** Gives a line to a synthetic chip: throws BUSY, naming the chip that has it already. */
  reserve(offset: number, reservation: Reservation): void {
    checkOffset(offset, this.name, this.lineCount);
    this.lines.reserve(offset, reservation);
  }

  /** Takes a line back; idempotent. A request that holds it goes on. */
  unreserve(offset: number, reservation: Reservation): void {
    this.lines.unreserve(offset, reservation);
  }

  /** A line as a user of a synthetic chip may see it. */
  lineInfoThrough(offset: number, through: Reservation, name: string | undefined): LineInfo {
    return this.lines.infoThrough(offset, through, name);
  }

  private async open(
    request: LineRequestConfig,
    face: RequestFace | undefined,
  ): Promise<CoprocessorLineRequest> {
    await this.whenUp(face?.chip);
    // Where its lines are now, a synthetic chip knows; its reservations are checked when they are claimed.
    if (face === undefined) checkRequest(request, this.name, this.lineCount);
    const configs = checkLineConfigs(request.config, request.offsets);
    if (
      configs.some((config) => config.edges !== 'none') &&
      this.remote.description?.hasInterrupts === false
    ) {
      const which =
        face === undefined ? `chip '${this.name}'` : `the coprocessor of these lines of chip '${face.chip}'`;
      throw new BridgeError('NOT_SUPPORTED', `${which} has no interrupts: its lines cannot report edges`);
    }
    await this.lines.released(request.offsets);
    return CoprocessorLineRequest.open({
      chip: this.name,
      request,
      configs,
      lines: this.lines,
      remote: this.remote,
      router: this.router,
      clock: this.options.clock,
      timers: this.options.timers,
      face,
    });
  }

  /**
   * A chip that is coming up is worth a short wait; one that is down says why at once: LINK_DOWN. To
   * who asks through a synthetic chip, named by `through`, it says so of that, and no more.
   */
  async whenUp(through?: string): Promise<void> {
    if (this.state.kind === 'starting') await this.started();
    const { state } = this;
    if (state.kind === 'up') return;
    const which = `chip '${through ?? this.name}' is`;
    if (state.kind === 'starting') throw new BridgeError('LINK_DOWN', `${which} still starting: try again`);
    const reason = through === undefined ? state.reason : COPROCESSOR_DOWN;
    throw new BridgeError('LINK_DOWN', `${which} down: ${reason}`);
  }

  /** Ends every request, and the chip with them: its coprocessor was taken out of the configuration. */
  close(reason: string): void {
    for (const hold of new Set(this.lines.allHolds())) hold.end(reason);
    for (const subscription of this.subscriptions) subscription.unsubscribe();
    this.router.close();
    this.states.next({ kind: 'down', reason });
    this.states.complete();
    this.descriptions.complete();
  }

  private follow(state: RemoteState): void {
    const description = this.remote.description;
    if (state.kind === 'up' && description !== undefined && state.generation !== this.generation) {
      this.generation = state.generation;
      this.lines.describe(description.names, description.outputs);
      this.descriptions.next();
    }
    this.states.next(chipState(state));
  }

  private endRequestsOnRestart(): Subscription {
    const restarted = this.remote.interrupts$.pipe(
      filter((batch) =>
        batch.items.some((item) => item.kind === 'break' && item.reason === 'firmware-restart'),
      ),
    );
    return restarted.subscribe(() => {
      for (const hold of new Set(this.lines.allHolds())) {
        const whose = hold.through === undefined ? `chip '${this.name}'` : 'its coprocessor';
        hold.end(`the firmware of ${whose} restarted, and on_restart is "release"`);
      }
    });
  }

  private async started(): Promise<void> {
    let timer: object | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = this.options.timers.set(resolve, this.options.startingMs);
    });
    const settled = firstValueFrom(this.states.pipe(filter((state) => state.kind !== 'starting')), {
      defaultValue: undefined,
    });
    await Promise.race([settled, limit]);
    if (timer !== undefined) this.options.timers.clear(timer);
  }
}

function chipState(state: RemoteState): ChipState {
  return state.kind === 'up' ? { kind: 'up' } : state;
}

function sameState(a: ChipState, b: ChipState): boolean {
  return a.kind === b.kind && (a.kind !== 'down' || b.kind !== 'down' || a.reason === b.reason);
}
