import { BehaviorSubject, Subject } from 'rxjs';
import type {
  Direction,
  InterruptBatch,
  InterruptType,
  Level,
  RemoteDescription,
  RemoteGpio,
  RemoteState,
} from '../../src/driver/remote-gpio.js';

/**
 * A remote GPIO controller that lives in this process: its pins are an array. For suites about what
 * stands above the driver, and for measurements of it; edges are sensed by calling {@link sense}.
 */
export class MemoryRemote implements RemoteGpio {
  readonly name: string;
  readonly description: RemoteDescription;
  readonly state$ = new BehaviorSubject<RemoteState>({ kind: 'up', generation: 1 });
  readonly interrupts$ = new Subject<InterruptBatch>();
  /** Each value that is set, when it is. */
  readonly set$ = new Subject<{ readonly line: number; readonly level: Level }>();
  readonly deviceClock = undefined;
  readonly counters = {};
  readonly levels: Level[];
  readonly directions: Direction[];
  readonly #seqs: number[];
  readonly #enabled: (InterruptType | undefined)[];

  constructor(name: string, names: readonly (string | undefined)[]) {
    this.name = name;
    this.levels = names.map(() => 0);
    this.directions = names.map(() => 'none');
    this.#seqs = names.map(() => 0);
    this.#enabled = names.map(() => undefined);
    this.description = {
      dialect: 'memory',
      firmware: 'memory 1.0',
      lineCount: names.length,
      names,
      warnings: [],
      hasInterrupts: true,
      countsLoss: true,
      stampsEdges: false,
      eventDepth: 1,
    };
  }

  get state(): RemoteState {
    return this.state$.value;
  }

  /** Each of these lines toggles, in order; one batch, as one read of a link brings it. */
  sense(lines: readonly number[]): void {
    const items = [];
    for (const line of lines) {
      if (this.#enabled[line] === undefined) continue;
      const level: Level = this.levels[line] === 0 ? 1 : 0;
      this.levels[line] = level;
      items.push({ kind: 'edge', line, level, seq: ++this.#seqs[line]!, deviceNs: null } as const);
    }
    this.interrupts$.next({ arrivedNs: process.hrtime.bigint(), items });
  }

  async getDirection(line: number): Promise<Direction> {
    return this.directions[line]!;
  }

  async setDirection(line: number, direction: Direction): Promise<void> {
    this.directions[line] = direction;
  }

  async getValue(line: number): Promise<Level> {
    return this.levels[line]!;
  }

  async setValue(line: number, level: Level): Promise<void> {
    this.levels[line] = level;
    this.set$.next({ line, level });
  }

  async enableInterrupt(line: number, type: InterruptType): Promise<void> {
    this.#enabled[line] = type;
    this.#seqs[line] = 0;
    this.interrupts$.next({ arrivedNs: process.hrtime.bigint(), items: [{ kind: 'enabled', line, type }] });
  }

  async disableInterrupt(line: number): Promise<void> {
    this.#enabled[line] = undefined;
    this.interrupts$.next({
      arrivedNs: process.hrtime.bigint(),
      items: [{ kind: 'disabled', line, counted: true }],
    });
  }

  async releaseLine(line: number): Promise<void> {
    this.directions[line] = 'none';
  }

  holdRearming(): void {}
}
