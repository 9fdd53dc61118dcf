/** What happened on one pin: the world's own record, which no part of the chain has seen. */
export class PinTruth {
  /** Edges so far. */
  count = 0;
  private levels = new Uint8Array(1 << 12);
  /** The edge happened between these two moments of CLOCK_MONOTONIC, ns since the cell began. */
  private before = new Float64Array(1 << 12);
  private after = new Float64Array(1 << 12);

  /** `initial`: the level before the first edge. */
  constructor(readonly initial: 0 | 1 = 0) {}

  /** The level now. */
  get level(): 0 | 1 {
    return this.count === 0 ? this.initial : (this.levels[this.count - 1] as 0 | 1);
  }

  add(level: 0 | 1, beforeNs: number, afterNs: number): void {
    if (this.count === this.levels.length) this.grow();
    this.levels[this.count] = level;
    this.before[this.count] = beforeNs;
    this.after[this.count] = afterNs;
    this.count++;
  }

  levelOf(index: number): number {
    return this.levels[index]!;
  }

  beforeNs(index: number): number {
    return this.before[index]!;
  }

  afterNs(index: number): number {
    return this.after[index]!;
  }

  /** How far a time lies outside of when the edge happened, ns. */
  errorNs(index: number, timeNs: number): number {
    return Math.max(0, this.before[index]! - timeNs, timeNs - this.after[index]!);
  }

  /** Whether the pin had this level at some moment of these. */
  had(level: number, fromNs: number, toNs: number): boolean {
    const { count, levels, before, after } = this;
    let [low, high] = [0, count];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (after[middle]! < fromNs) low = middle + 1;
      else high = middle;
    }
    if ((low === 0 ? this.initial : levels[low - 1]!) === level) return true;
    for (let index = low; index < count && before[index]! <= toNs; index++) {
      if (levels[index] === level) return true;
    }
    return false;
  }

  private grow(): void {
    const size = 2 * this.levels.length;
    const bigger = <A extends Uint8Array | Float64Array>(old: A, fresh: A): A => {
      fresh.set(old);
      return fresh;
    };
    this.levels = bigger(this.levels, new Uint8Array(size));
    this.before = bigger(this.before, new Float64Array(size));
    this.after = bigger(this.after, new Float64Array(size));
  }
}
