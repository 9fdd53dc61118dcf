import type { Level } from '../../gpio/chip.js';

/** A level, or `x` where it is not known. */
export type Known = Level | 'x';

/** What happened in a stretch of time. */
export interface Stretch {
  readonly edges: number;
  /** At its end; undefined: before watching began, or not yet. */
  readonly level: Known | undefined;
  /** Whether the level was not known at some moment of it. */
  readonly unknown: boolean;
}

/** Steps that a history holds: enough for the widest terminal, few enough for 64 lines. */
export const STEPS = 2_400;

const UNKNOWN = 2;
const TOUCHED_UNKNOWN = 4;

/**
 * The last {@link STEPS} steps of time of one line, in constant memory and constant time an edge
 * whatever the rate. Changes come in the order of the line; times are ns since watching began.
 */
export class LineHistory {
  readonly #stepNs: number;
  readonly #edges = new Uint32Array(STEPS);
  /** The level at the end of each step, with TOUCHED_UNKNOWN where it was unknown for a moment. */
  readonly #levels = new Uint8Array(STEPS);
  /** The step of the last change; all later ones have its level. */
  #head = 0;
  #level: Known;
  #total = 0;

  constructor(initial: Known, stepNs: number) {
    this.#level = initial;
    this.#stepNs = stepNs;
    this.#levels[0] = codeOf(initial);
  }

  get level(): Known {
    return this.#level;
  }

  /** Edges since watching began. */
  get total(): number {
    return this.#total;
  }

  edge(level: Level, atNs: number): void {
    this.#total++;
    this.#edges[this.#change(level, atNs)]++;
  }

  /** The level from here on, or from the last change where that is later, without an edge. */
  set(level: Known, atNs: number): void {
    this.#change(level, atNs);
  }

  /** The steps `first` to `last`, both included. */
  stretch(first: number, last: number): Stretch {
    const from = Math.max(first, 0, this.#head - STEPS + 1);
    const to = Math.min(last, this.#head);
    let edges = 0;
    let codes = 0;
    for (let step = from; step <= to; step++) {
      edges += this.#edges[step % STEPS];
      codes |= this.#levels[step % STEPS];
    }
    if (last < 0 || last <= this.#head - STEPS) return { edges: 0, level: undefined, unknown: false };
    const code = codeOf(this.#level);
    const level = last >= this.#head ? this.#level : levelOf(this.#levels[last % STEPS]);
    const unknown = (codes & (UNKNOWN | TOUCHED_UNKNOWN)) !== 0 || (last > this.#head && code === UNKNOWN);
    return { edges, level, unknown };
  }

  /** The index of the step, which is now the head. */
  #change(level: Known, atNs: number): number {
    const step = Math.max(this.#head, Math.floor(atNs / this.#stepNs));
    const before = codeOf(this.#level);
    for (let fill = Math.max(this.#head + 1, step - STEPS + 1); fill <= step; fill++) {
      this.#edges[fill % STEPS] = 0;
      this.#levels[fill % STEPS] = before;
    }
    const index = step % STEPS;
    const touched =
      level === 'x' || before === UNKNOWN || (this.#levels[index] & TOUCHED_UNKNOWN) !== 0
        ? TOUCHED_UNKNOWN
        : 0;
    this.#levels[index] = codeOf(level) | touched;
    this.#head = step;
    this.#level = level;
    return index;
  }
}

function codeOf(level: Known): number {
  return level === 'x' ? UNKNOWN : level;
}

function levelOf(code: number): Known {
  const level = code & ~TOUCHED_UNKNOWN;
  return level === UNKNOWN ? 'x' : (level as Level);
}
