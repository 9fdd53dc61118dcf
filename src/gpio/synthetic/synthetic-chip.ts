import { BehaviorSubject, distinctUntilChanged, type Observable, Subject, type Subscription } from 'rxjs';
import type { Clock, Timers } from '../../base/clock.js';
import { BridgeError } from '../../base/errors.js';
import type {
  Chip,
  ChipState,
  Level,
  LineInfo,
  LineInfoChange,
  LineRequest,
  LineRequestConfig,
} from '../chip.js';
import type { ChipDirectory } from '../chip-directory.js';
import type { CoprocessorChip } from '../coprocessor-chip.js';
import { checkLineConfigs, checkOffset, checkRequest } from '../line-config.js';
import type { Reservation } from '../line-reservations.js';
import { type HoldChange, unusedLine } from '../line-table.js';
import { COPROCESSOR_DOWN, NO_SUCH_LINE, OTHERS_LINE, toldThrough } from '../told-through.js';
import type { SyntheticDescription } from './description.js';
import {
  type BoundLine,
  bindLine,
  isBound,
  type LineBinding,
  loosenLine,
  unbindLine,
} from './line-binding.js';
import { type LineSpec, parseLineSpecs } from './line-spec.js';
import { sameState, stateOver, whyDown } from './parents-state.js';
import { SyntheticLineRequest } from './synthetic-request.js';

export interface SyntheticChipOptions {
  readonly description: Pick<SyntheticDescription, 'name' | 'lines' | 'shared'>;
  /** The chips that it takes lines from; they may come and go. */
  readonly directory: ChipDirectory;
  readonly clock: Clock;
  readonly timers: Timers;
}

/** One line: what was asked for, and where that is now. */
interface SyntheticLine {
  readonly spec: LineSpec;
  readonly reservation: Reservation;
  binding: LineBinding;
}

/**
 * A chip whose lines are lines of coprocessors' chips. It exists whether they are there or not;
 * each line is bound while its parent has it, and works while its parent is up.
 */
export class SyntheticChip implements Chip {
  readonly name: string;
  readonly state$: Observable<ChipState>;
  readonly lineInfo$: Observable<LineInfoChange>;
  /** Names of the chips that its lines are of. */
  readonly parents: ReadonlySet<string>;

  private readonly lines: readonly SyntheticLine[];
  private readonly names = new Map<string, number>();
  private readonly requests = new Set<SyntheticLineRequest>();
  private readonly opening = new Set<Promise<unknown>>();
  private readonly states: BehaviorSubject<ChipState>;
  private readonly changes = new Subject<LineInfoChange>();
  private readonly directorySubscription: Subscription;
  /** By name of the parent. */
  private readonly following = new Map<string, Subscription>();
  private closed: string | undefined;

  /** Throws INVALID_ARGUMENT for lines that cannot be read; binds what there is. */
  constructor(private readonly options: SyntheticChipOptions) {
    const { description, directory } = options;
    this.name = description.name;
    this.lines = parseLineSpecs(description.lines).map((spec, offset) => ({
      spec,
      reservation: { chip: this.name, offset, shared: description.shared },
      binding: { problem: new BridgeError('LINK_DOWN', `there is no chip '${spec.parent}' now`) },
    }));
    this.parents = new Set(this.lines.map(({ spec }) => spec.parent));
    this.lineInfo$ = this.changes.asObservable();
    this.states = new BehaviorSubject<ChipState>({ kind: 'starting' });
    this.state$ = this.states.pipe(distinctUntilChanged(sameState));
    for (const parent of this.parents) this.follow(parent);
    this.directorySubscription = directory.changes$.subscribe((name) => {
      if (this.parents.has(name)) this.follow(name);
    });
  }

  get label(): string {
    return `synthetic, of ${[...this.parents].join(' ')}`;
  }

  get lineCount(): number {
    return this.lines.length;
  }

  /** Where each line is; in the order of its offsets. */
  get bindings(): readonly { readonly spec: LineSpec; readonly binding: LineBinding }[] {
    return this.lines;
  }

  get countsLoss(): boolean {
    return [...this.parents].every((name) => this.options.directory.get(name)?.countsLoss ?? false);
  }

  /** As its users may know it. */
  get state(): ChipState {
    return this.states.value;
  }

  /** The same for whoever may know what is behind it: which coprocessors are down, and why. */
  get fullState(): ChipState {
    const { state } = this;
    const known = state.kind === 'down' && this.closed === undefined;
    return known ? { kind: 'down', reason: whyDown(this.parents, this.options.directory) } : state;
  }

  lineInfo(offset: number): LineInfo {
    checkOffset(offset, this.name, this.lineCount);
    const line = this.lines[offset]!;
    const { binding } = line;
    const name = nameOf(line);
    if (!isBound(binding)) return { ...unusedLine(offset, name), unavailable: publicReason(binding.problem) };
    const info = binding.parent.lineInfoThrough(binding.offset, binding.reservation, name);
    return binding.parent.state.kind === 'down' ? { ...info, unavailable: COPROCESSOR_DOWN } : info;
  }

  findLine(name: string): number | undefined {
    return this.names.get(name);
  }

  async readLevel(offset: number): Promise<Level> {
    checkOffset(offset, this.name, this.lineCount);
    const line = this.boundLines([offset])[0]!;
    return line.parent.readLevel(line.offset).catch((thrown: unknown) => {
      throw toldThrough(thrown, this.shown(offset));
    });
  }

  async requestLines(request: LineRequestConfig): Promise<LineRequest> {
    checkRequest(request, this.name, this.lineCount);
    const configs = checkLineConfigs(request.config, request.offsets);
    const parents = new Set(this.boundLines(request.offsets).map(({ parent }) => parent));
    await Promise.all([...parents].map((parent) => parent.whenUp(this.name)));
    this.checkOpen();
    const opening = SyntheticLineRequest.open({
      chip: this.name,
      request,
      configs,
      // Again: what was bound may be elsewhere now that the chips are up.
      lines: this.boundLines(request.offsets),
      clock: this.options.clock,
      timers: this.options.timers,
      onEnded: (ended) => this.requests.delete(ended),
    }).then((opened) => this.adopt(opened));
    this.opening.add(opening);
    return opening.finally(() => this.opening.delete(opening));
  }

  /** A request that has just been made; where the chip went meanwhile, so does that, and CLOSED is thrown. */
  private async adopt(opened: SyntheticLineRequest): Promise<SyntheticLineRequest> {
    if (opened.ended === undefined) this.requests.add(opened);
    if (this.closed !== undefined) await opened.end(this.closed);
    this.checkOpen();
    return opened;
  }

  /** Binds lines anew that had to be left unbound: what was in the way may be gone. */
  retry(): void {
    if (this.lines.some(({ binding }) => !isBound(binding))) for (const name of this.parents) this.bind(name);
  }

  /** Ends every request and the chip with them; resolves when its lines are free. Idempotent. */
  async close(reason: string): Promise<void> {
    if (this.closed !== undefined) return;
    this.closed = reason;
    this.directorySubscription.unsubscribe();
    for (const subscription of this.following.values()) subscription.unsubscribe();
    await Promise.allSettled(this.opening);
    await Promise.all([...this.requests].map((request) => request.end(reason)));
    for (const { binding } of this.lines) unbindLine(binding);
    this.states.next({ kind: 'down', reason });
    this.states.complete();
  }

  /** Follows the chip that has this name now, if any. */
  private follow(name: string): void {
    this.following.get(name)?.unsubscribe();
    this.following.delete(name);
    const parent = this.options.directory.get(name);
    this.bind(name);
    if (parent === undefined) {
      this.stateChanged();
      return;
    }
    const subscription = parent.described$.subscribe(() => this.bind(name));
    subscription.add(parent.state$.subscribe(() => this.stateChanged()));
    subscription.add(parent.holdChanges$.subscribe((change) => this.forward(parent, change)));
    this.following.set(name, subscription);
  }

  private bind(parent: string): void {
    const { directory } = this.options;
    const affected = this.lines.filter(({ spec }) => spec.parent === parent);
    // Lines that changed places are all left before any is taken.
    for (const line of affected) loosenLine(line.spec, directory, line.binding);
    for (const line of affected) {
      line.binding = bindLine(line.spec, directory, line.reservation, line.binding);
    }
    this.names.clear();
    this.lines.forEach((line, offset) => {
      const name = nameOf(line);
      if (name !== undefined && !this.names.has(name)) this.names.set(name, offset);
    });
  }

  private stateChanged(): void {
    this.states.next(stateOver(this.parents, this.options.directory));
  }

  private forward(parent: CoprocessorChip, { kind, timestampNs, offset }: HoldChange): void {
    const shown = this.lines.findIndex(
      ({ binding }) => isBound(binding) && binding.parent === parent && binding.offset === offset,
    );
    if (shown < 0) return;
    const info = this.lineInfo(shown);
    // How others use the line is not told, so nothing of it has changed here.
    const others = info.used && info.consumer === undefined;
    if (kind !== 'reconfigured' || !others) this.changes.next({ kind, timestampNs, info });
  }

  /** Throws why the first of them that is nowhere is so. */
  private boundLines(offsets: readonly number[]): readonly BoundLine[] {
    return offsets.map((offset) => {
      const { binding } = this.lines[offset]!;
      if (isBound(binding)) return binding;
      const reason = publicReason(binding.problem);
      throw new BridgeError(binding.problem.name, `${this.shown(offset)} cannot be used: ${reason}`);
    });
  }

  private shown(offset: number): string {
    return `line ${offset} of chip '${this.name}'`;
  }

  private checkOpen(): void {
    if (this.closed !== undefined)
      throw new BridgeError('CLOSED', `chip '${this.name}' is gone: ${this.closed}`);
  }
}

/** Why a line is nowhere, for users of this chip. */
function publicReason({ name }: BridgeError): string {
  if (name === 'BUSY') return OTHERS_LINE;
  return name === 'LINE_GONE' ? NO_SUCH_LINE : COPROCESSOR_DOWN;
}

/** The name it was given, else the one it has. */
function nameOf({ spec, binding }: SyntheticLine): string | undefined {
  if (spec.rename !== undefined) return spec.rename;
  if (typeof spec.line === 'string') return spec.line;
  return isBound(binding) ? binding.parent.lineInfo(binding.offset).name : undefined;
}
