import type { Time, TimerHandle } from '../../base/clock.js';
import type { Timeouts } from '../../base/timeouts.js';
import type { Counters } from '../counters.js';
import type { InterruptItem, InterruptType, Level } from '../remote-gpio.js';
import type { AskHandler, Exchange } from './exchange.js';
import {
  isOn,
  type LineInput,
  type LineOutput,
  type LineWatch,
  newLineWatch,
  stepLine,
} from './line-watch.js';
import type { DialectRules } from './rules.js';

export interface InterruptsOptions {
  readonly port: number;
  readonly lineCount: number;
  readonly rules: DialectRules;
  readonly exchange: Exchange;
  readonly wakeup: ReadonlySet<number>;
  readonly time: Time;
  readonly timeouts: Timeouts;
  readonly counters: Counters;
  /** Something is to be told: of a packet that is being taken, or now. */
  readonly tell: (item: InterruptItem) => void;
}

/** A line with what its requests need; made when its interrupt is enabled first. */
interface Watched {
  readonly watch: LineWatch;
  readonly unmask: AskHandler;
  readonly read: AskHandler;
  /** Requests that are under way. */
  unmaskId: number | undefined;
  readId: number | undefined;
  pause: TimerHandle | undefined;
}

/** The interrupts of one controller: runs a {@link LineWatch} for each line that had one. */
export class Interrupts {
  private readonly lines: (Watched | undefined)[];
  private held = false;
  /** Lines that are to be unmasked when rearming is no longer held back. */
  private readonly heldBack = new Set<number>();
  private ended = false;

  constructor(private readonly options: InterruptsOptions) {
    this.lines = new Array(options.lineCount).fill(undefined);
  }

  /** An interrupt came; false: the controller has no such line. */
  interrupt(line: number): boolean {
    if (line >= this.options.lineCount) return false;
    if (this.lines[line] === undefined) this.options.counters.count('events_of_lines_that_are_off');
    else this.take(line, { kind: 'interrupt' });
    return true;
  }

  enabling(line: number, type: InterruptType, level: Level | null): void {
    this.forgetRequests(line);
    this.take(line, { kind: 'enabling', type, level });
  }

  enabled(line: number): void {
    this.take(line, { kind: 'enabled' });
  }

  notEnabled(line: number): void {
    this.take(line, { kind: 'not-enabled' });
  }

  closing(line: number): void {
    this.forgetRequests(line);
    this.take(line, { kind: 'closing' });
  }

  closed(line: number): void {
    this.take(line, { kind: 'closed' });
  }

  /** The interrupt is off, and could not be enabled again. */
  lost(line: number): void {
    this.forgetRequests(line);
    Object.assign(this.watched(line).watch, newLineWatch(line));
    this.options.tell({ kind: 'disabled', line, counted: false });
  }

  isOn(line: number): boolean {
    const watched = this.lines[line];
    return watched !== undefined && isOn(watched.watch);
  }

  /** Unmasks every line that is not known to be masked, or those unheard since `sinceMs`. */
  armAgain(sinceMs = Number.POSITIVE_INFINITY): void {
    this.lines.forEach((watched, line) => {
      if (watched === undefined || watched.watch.heardAt >= sinceMs) return;
      this.take(line, { kind: 'arm-again' });
    });
  }

  /** Reads the levels of lines that were silent since then: an interrupt that never came shows there. */
  look(sinceMs: number): void {
    this.lines.forEach((watched, line) => {
      if (watched !== undefined && watched.watch.heardAt < sinceMs) this.take(line, { kind: 'look' });
    });
  }

  /** Interrupts may have been lost with the channel that was. Whether any line has its interrupt on. */
  renewed(): boolean {
    let isAnyOn = false;
    this.lines.forEach((watched, line) => {
      if (watched === undefined || !isOn(watched.watch)) return;
      isAnyOn = true;
      this.take(line, { kind: 'renewed' });
    });
    return isAnyOn;
  }

  /** The channel is gone: nothing is under way any more, and lines are enabled anew on the next one. */
  suspend(): void {
    this.lines.forEach((watched, line) => {
      if (watched === undefined) return;
      this.forgetRequests(line);
      this.take(line, { kind: 'suspended' });
    });
  }

  hold(held: boolean): void {
    this.held = held;
    if (held) return;
    const lines = [...this.heldBack];
    this.heldBack.clear();
    for (const line of lines) this.unmask(line);
  }

  end(): void {
    this.ended = true;
    this.lines.forEach((_, line) => {
      this.forgetRequests(line);
    });
  }

  private take(line: number, input: LineInput): void {
    if (this.ended) return;
    const watched = this.watched(line);
    const outputs = stepLine(watched.watch, input, this.nowMs());
    for (const output of outputs) this.carryOut(watched, line, output);
  }

  private carryOut(watched: Watched, line: number, output: LineOutput): void {
    const { counters, tell, timeouts } = this.options;
    switch (output.kind) {
      case 'item':
        if (output.item.kind === 'edge') counters.count('edges');
        tell(output.item);
        break;
      case 'unmask':
        this.unmask(line);
        break;
      case 'read':
        this.read(watched, line);
        break;
      case 'pause':
        this.pause(watched, line, output.refused ? timeouts.hello_max : timeouts.rearm_pause);
        break;
      case 'stray':
        counters.count('events_of_lines_that_are_off');
        break;
    }
  }

  private unmask(line: number): void {
    if (this.held) {
      this.heldBack.add(line);
      return;
    }
    const { rules, exchange, port, wakeup } = this.options;
    const watched = this.watched(line);
    const command = rules.unmask({ port, line }, watched.watch.type, wakeup.has(line));
    watched.unmaskId = exchange.ask(command, true, watched.unmask);
  }

  private read(watched: Watched, line: number): void {
    const { rules, exchange, port } = this.options;
    watched.readId = exchange.ask(rules.readValue({ port, line }), true, watched.read);
  }

  private pause(watched: Watched, line: number, ms: number): void {
    watched.pause = this.options.time.set(() => {
      watched.pause = undefined;
      this.take(line, { kind: 'pause-over' });
    }, ms);
  }

  /** What was to unmask the line must not do so after it was switched off. What is in flight is answered first. */
  private forgetRequests(line: number): void {
    const watched = this.lines[line];
    this.heldBack.delete(line);
    if (watched === undefined) return;
    for (const id of [watched.unmaskId, watched.readId]) {
      if (id !== undefined) this.options.exchange.cancel(id);
    }
    if (watched.pause !== undefined) this.options.time.clear(watched.pause);
    watched.unmaskId = undefined;
    watched.readId = undefined;
    watched.pause = undefined;
  }

  private watched(line: number): Watched {
    this.lines[line] ??= this.newWatched(line);
    return this.lines[line];
  }

  private newWatched(line: number): Watched {
    const { counters } = this.options;
    const lost = (why: string): boolean => why === 'lost' || why === 'lost-unsent';
    const watched: Watched = {
      watch: newLineWatch(line),
      unmask: {
        sent: () => {
          counters.count('lines_unmasked');
          this.take(line, { kind: 'unmask-sent' });
        },
        answered: (status) => {
          watched.unmaskId = undefined;
          this.take(line, status === 0 ? { kind: 'unmasked' } : { kind: 'not-unmasked', refused: true });
        },
        failed: (why) => {
          watched.unmaskId = undefined;
          if (!lost(why)) this.take(line, { kind: 'not-unmasked', refused: false });
        },
      },
      read: {
        answered: (status, value) => {
          watched.readId = undefined;
          if (status !== 0) counters.count('levels_unread');
          const level: Level = value === 0 ? 0 : 1;
          this.take(line, status === 0 ? { kind: 'read', level } : { kind: 'not-read', refused: true });
        },
        failed: (why) => {
          watched.readId = undefined;
          counters.count('levels_unread');
          if (!lost(why)) this.take(line, { kind: 'not-read', refused: false });
        },
      },
      unmaskId: undefined,
      readId: undefined,
      pause: undefined,
    };
    return watched;
  }

  private nowMs(): number {
    return Number(this.options.time.monotonicNs()) / 1e6;
  }
}
