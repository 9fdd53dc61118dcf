import { type Observable, Subject } from 'rxjs';
import type { Clock } from '../base/clock.js';
import { BridgeError } from '../base/errors.js';
import type { LineConfig, LineInfo, LineInfoChange } from './chip.js';

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
}

/** The lines of one chip: their names, and who holds them. Exclusive, all or none. */
export class LineTable {
  /** Requested, released and reconfigured lines. */
  readonly changes$: Observable<LineInfoChange>;

  private names: readonly (string | undefined)[] = [];
  private offsets = new Map<string, number>();
  private readonly holds = new Map<number, LineHold>();
  /** Lines whose last user drove them: shown as outputs until they are made inputs, as gpiolib does. */
  private readonly lastOutputs = new Set<number>();
  private readonly changes = new Subject<LineInfoChange>();

  constructor(
    private readonly chip: string,
    private readonly clock: Clock,
  ) {
    this.changes$ = this.changes.asObservable();
  }

  get lineCount(): number {
    return this.names.length;
  }

  /** Takes a (new) description; requests whose lines are no longer what they were end. */
  describe(names: readonly (string | undefined)[]): void {
    this.names = names;
    this.lastOutputs.clear();
    this.offsets = new Map();
    names.forEach((name, offset) => {
      if (name !== undefined && !this.offsets.has(name)) this.offsets.set(name, offset);
    });
    for (const [offset, hold] of [...this.holds]) {
      if (offset < names.length && names[offset] === hold.name) continue;
      hold.end(
        offset >= names.length
          ? `the firmware of chip '${this.chip}' now has ${names.length} lines: line ${offset} is gone`
          : `line ${offset} of chip '${this.chip}' is now named '${names[offset] ?? ''}', not '${hold.name ?? ''}'`,
      );
    }
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
    for (const offset of offsets) {
      const holder = this.holds.get(offset);
      if (holder === undefined) continue;
      const name = this.names[offset];
      throw new BridgeError(
        'BUSY',
        `line ${offset}${name === undefined ? '' : ` ('${name}')`} of chip '${this.chip}' is in use by '${holder.consumer}'${holder.persistent ? ' persistently: release it' : ''}`,
      );
    }
    offsets.forEach((offset, index) => {
      this.holds.set(offset, holdFor(index));
    });
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
    this.changes.next({ kind, timestampNs: this.clock.monotonicNs(), info: this.info(offset) });
  }

  info(offset: number): LineInfo {
    const hold = this.holds.get(offset);
    const name = this.names[offset];
    return {
      offset,
      ...(name === undefined ? undefined : { name }),
      used: hold !== undefined,
      ...(hold === undefined ? undefined : { consumer: hold.consumer }),
      persistent: hold?.persistent ?? false,
      direction: hold?.direction ?? (this.lastOutputs.has(offset) ? 'output' : 'input'),
      activeLow: hold?.config.activeLow ?? false,
      edges: hold?.config.edges ?? 'none',
      eventClock: hold?.config.eventClock ?? 'monotonic',
      debouncePeriodUs: hold?.config.debouncePeriodUs ?? 0,
    };
  }
}
