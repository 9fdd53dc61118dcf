import { type Observable, Subject } from 'rxjs';
import type { Clock } from '../base/clock.js';
import { BridgeError } from '../base/errors.js';
import type { LineConfig, LineInfo, LineInfoChange } from './chip.js';
import { LineReservations, type Reservation } from './line-reservations.js';

/** Who holds a line, and how it is configured. */
export interface LineHold {
  readonly consumer: string;
  readonly persistent: boolean;
  /** Replaced by a reconfiguration. */
  config: LineConfig;
  /** The name that the line had when it was requested. */
  readonly name: string | undefined;
  /** Set while the line is being given back: resolves when it is free. */
  releasing?: Promise<void>;
  /** Ends the request that holds the line: the line went away. */
  readonly end: (reason: string) => void;
  /** The direction in force, for `as-is` lines once it is known. */
  direction: 'input' | 'output';
  /** The synthetic chip that the line is held through. */
  readonly through?: Reservation | undefined;
}

/** A line was requested, released or reconfigured; {@link LineTable.info} tells the rest. */
export interface HoldChange {
  readonly kind: LineInfoChange['kind'];
  /** CLOCK_MONOTONIC. */
  readonly timestampNs: bigint;
  readonly offset: number;
}

/** The lines of one chip: their names, and who holds them. Exclusive, all or none. */
export class LineTable {
  /** Requested, released and reconfigured lines. */
  readonly changes$: Observable<LineInfoChange>;
  /** The same of requests only, not of synthetic chips that take or leave a line. */
  readonly holdChanges$: Observable<HoldChange>;

  private names: readonly (string | undefined)[] = [];
  private offsets = new Map<string, number>();
  private readonly holds = new Map<number, LineHold>();
  /** Lines whose last user drove them: shown as outputs until they are made inputs, as gpiolib does. */
  private readonly lastOutputs = new Set<number>();
  private readonly reservations = new LineReservations();
  private readonly changes = new Subject<LineInfoChange>();
  private readonly holdChanges = new Subject<HoldChange>();

  constructor(
    private readonly chip: string,
    private readonly clock: Clock,
  ) {
    this.changes$ = this.changes.asObservable();
    this.holdChanges$ = this.holdChanges.asObservable();
  }

  get lineCount(): number {
    return this.names.length;
  }

  /**
   * Takes a (new) description; requests whose lines are no longer what they were end. `outputs` are
   * lines that somebody before this daemon drives.
   */
  describe(names: readonly (string | undefined)[], outputs: readonly number[] = []): void {
    this.names = names;
    this.lastOutputs.clear();
    for (const line of outputs) this.lastOutputs.add(line);
    this.offsets = new Map();
    names.forEach((name, offset) => {
      if (name !== undefined && !this.offsets.has(name)) this.offsets.set(name, offset);
    });
    for (const [offset, hold] of [...this.holds]) {
      if (offset < names.length && names[offset] === hold.name) continue;
      hold.end(this.whyGone(offset, hold));
    }
  }

  /** Who has a line through a synthetic chip is not told the names of other lines. */
  private whyGone(offset: number, { name, through }: LineHold): string {
    if (through !== undefined) {
      return `line ${through.offset} of chip '${through.chip}' is gone: the firmware of its coprocessor now describes other lines`;
    }
    return offset >= this.names.length
      ? `the firmware of chip '${this.chip}' now has ${this.names.length} lines: line ${offset} is gone`
      : `line ${offset} of chip '${this.chip}' is now named '${this.names[offset] ?? ''}', not '${name ?? ''}'`;
  }

  /** Gives a line to a synthetic chip; throws BUSY, naming the one that is in the way. */
  reserve(line: number, reservation: Reservation): void {
    const other = this.reservations.conflict(line, reservation);
    if (other !== undefined) {
      const twice = other.chip === reservation.chip;
      throw new BridgeError(
        'BUSY',
        twice
          ? `${this.describeLine(line)} is there already, as line ${other.offset}`
          : `${this.describeLine(line)} belongs to synthetic chip '${other.chip}'`,
      );
    }
    const wasUsed = this.info(line).used;
    this.reservations.add(line, reservation);
    if (!wasUsed && this.info(line).used) this.changes.next(this.change('requested', line));
  }

  unreserve(line: number, reservation: Reservation): void {
    if (!this.reservations.has(line, reservation)) return;
    const wasUsed = this.info(line).used;
    this.reservations.delete(line, reservation);
    const released = wasUsed && !this.info(line).used && line < this.lineCount;
    if (released) this.changes.next(this.change('released', line));
  }

  find(name: string): number | undefined {
    return this.offsets.get(name);
  }

  nameOf(offset: number): string | undefined {
    return this.names[offset];
  }

  holdOf(offset: number): LineHold | undefined {
    return this.holds.get(offset);
  }

  /** Every hold, each request's as many times as it has lines. */
  allHolds(): Iterable<LineHold> {
    return this.holds.values();
  }

  /** Waits until none of these lines is just being given back. */
  async released(offsets: readonly number[]): Promise<void> {
    for (;;) {
      const pending = offsets.flatMap((offset) => this.holds.get(offset)?.releasing ?? []);
      if (pending.length === 0) return;
      await Promise.all(pending);
    }
  }

  /** Claims all these lines or throws BUSY, naming the first that is held and by whom. */
  claim(offsets: readonly number[], holdFor: (index: number) => LineHold): void {
    const holds = offsets.map((_, index) => holdFor(index));
    holds.forEach((hold, index) => {
      this.checkFree(offsets[index]!, hold.through);
    });
    holds.forEach((hold, index) => {
      this.holds.set(offsets[index]!, hold);
    });
  }

  private checkFree(line: number, through: Reservation | undefined): void {
    const holder = this.holds.get(line);
    if (through !== undefined) {
      const shown = `line ${through.offset} of chip '${through.chip}'`;
      if (!this.reservations.has(line, through))
        throw new BridgeError('LINE_GONE', `${shown} has just changed: try again`);
      if (holder === undefined) return;
      // Who else may use the line is not told who does.
      const own = holder.through === through;
      throw new BridgeError(
        'BUSY',
        `${shown} is in use${own ? ` by '${holder.consumer}'${howLong(holder)}` : ''}`,
      );
    }
    const owner = this.reservations.exclusiveHolderOf(line);
    if (holder === undefined && owner === undefined) return;
    const which = this.describeLine(line);
    if (holder === undefined)
      throw new BridgeError('BUSY', `${which} belongs to synthetic chip '${owner!.chip}'`);
    const by = holder.through === undefined ? '' : ` through synthetic chip '${holder.through.chip}'`;
    throw new BridgeError('BUSY', `${which} is in use by '${holder.consumer}'${howLong(holder)}${by}`);
  }

  private describeLine(line: number): string {
    const name = this.names[line];
    return `line ${line}${name === undefined ? '' : ` ('${name}')`} of chip '${this.chip}'`;
  }

  free(offsets: readonly number[]): void {
    for (const offset of offsets) {
      const hold = this.holds.get(offset);
      this.holds.delete(offset);
      if (hold?.direction === 'output') this.lastOutputs.add(offset);
      // A line taken as it is was not made an input, even where it was free and so not driven.
      else if (hold?.config.direction !== 'as-is') this.lastOutputs.delete(offset);
    }
  }

  announce(kind: LineInfoChange['kind'], offset: number): void {
    const change = this.change(kind, offset);
    this.changes.next(change);
    this.holdChanges.next({ kind, timestampNs: change.timestampNs, offset });
  }

  private change(kind: LineInfoChange['kind'], offset: number): LineInfoChange {
    return { kind, timestampNs: this.clock.monotonicNs(), info: this.info(offset) };
  }

  info(offset: number): LineInfo {
    const hold = this.holds.get(offset);
    const name = this.names[offset];
    const owner = hold === undefined ? this.reservations.exclusiveHolderOf(offset) : hold.through;
    return {
      offset,
      ...(name === undefined ? undefined : { name }),
      used: hold !== undefined || owner !== undefined,
      ...(hold === undefined ? undefined : { consumer: hold.consumer }),
      persistent: hold?.persistent ?? false,
      ...(owner === undefined ? undefined : { throughChip: owner.chip }),
      direction: this.directionOf(offset),
      activeLow: hold?.config.activeLow ?? false,
      edges: hold?.config.edges ?? 'none',
      eventClock: hold?.config.eventClock ?? 'monotonic',
      debouncePeriodUs: hold?.config.debouncePeriodUs ?? 0,
    };
  }

  /** What a user of this synthetic chip may know of one of its lines: of others' use only that it is used. */
  infoThrough(offset: number, through: Reservation, name: string | undefined): LineInfo {
    const hold = this.holds.get(offset);
    const unused = unusedLine(through.offset, name);
    if (hold === undefined) return { ...unused, direction: this.directionOf(offset) };
    if (hold.through !== through) return { ...unused, used: true };
    const { throughChip: _, ...own } = this.info(offset);
    return { ...own, ...nameAs(name), offset: through.offset };
  }

  private directionOf(offset: number): 'input' | 'output' {
    return this.holds.get(offset)?.direction ?? (this.lastOutputs.has(offset) ? 'output' : 'input');
  }
}

/** A line that nobody uses. */
export function unusedLine(offset: number, name: string | undefined): LineInfo {
  return {
    offset,
    ...nameAs(name),
    used: false,
    persistent: false,
    direction: 'input',
    activeLow: false,
    edges: 'none',
    eventClock: 'monotonic',
    debouncePeriodUs: 0,
  };
}

function howLong({ persistent }: LineHold): string {
  return persistent ? ' persistently: release it' : '';
}

function nameAs(name: string | undefined): { name?: string } {
  return name === undefined ? {} : { name };
}
