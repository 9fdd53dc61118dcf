/** First-in first-out rings over typed arrays, which grow by doubling and are bounded by their users. */

const FIRST_CAPACITY = 4;

/** A queue of small non-negative integers. */
export class NumberRing {
  length = 0;
  private items = new Int32Array(FIRST_CAPACITY);
  private head = 0;

  push(value: number): void {
    if (this.length === this.items.length) this.grow();
    this.items[(this.head + this.length++) & (this.items.length - 1)] = value;
  }

  /** The oldest, removed. The ring must not be empty. */
  shift(): number {
    const value = this.items[this.head]!;
    this.head = (this.head + 1) & (this.items.length - 1);
    this.length--;
    return value;
  }

  clear(): void {
    this.length = 0;
    this.head = 0;
  }

  /** Removes every occurrence of `value`, keeping the order of the others. */
  remove(value: number): void {
    for (let left = this.length; left > 0; left--) {
      const item = this.shift();
      if (item !== value) this.push(item);
    }
  }

  private grow(): void {
    const larger = new Int32Array(this.items.length * 2);
    for (let i = 0; i < this.length; i++) larger[i] = this.items[(this.head + i) & (this.items.length - 1)]!;
    this.items = larger;
    this.head = 0;
  }
}

/** Edges that wait for a buffer or for the channel, oldest first. */
export class EdgeRing {
  length = 0;
  private times = new Float64Array(FIRST_CAPACITY);
  private seqs = new Uint32Array(FIRST_CAPACITY);
  private levels = new Uint8Array(FIRST_CAPACITY);
  private head = 0;

  push(level: number, seq: number, timeNs: number): void {
    if (this.length === this.times.length) this.grow();
    const at = (this.head + this.length++) & (this.times.length - 1);
    this.times[at] = timeNs;
    this.seqs[at] = seq;
    this.levels[at] = level;
  }

  /** Of the oldest; the ring must not be empty. */
  get level(): number {
    return this.levels[this.head]!;
  }

  get seq(): number {
    return this.seqs[this.head]!;
  }

  get timeNs(): number {
    return this.times[this.head]!;
  }

  /** Removes the oldest. */
  drop(): void {
    this.head = (this.head + 1) & (this.times.length - 1);
    this.length--;
  }

  /** Empties it and gives its memory back. */
  clear(): void {
    if (this.times.length > FIRST_CAPACITY) this.allocate(FIRST_CAPACITY);
    this.length = 0;
    this.head = 0;
  }

  private allocate(capacity: number): void {
    this.times = new Float64Array(capacity);
    this.seqs = new Uint32Array(capacity);
    this.levels = new Uint8Array(capacity);
  }

  private grow(): void {
    const { times, seqs, levels, head, length } = this;
    this.allocate(length * 2);
    for (let i = 0; i < length; i++) {
      const from = (head + i) & (times.length - 1);
      this.times[i] = times[from]!;
      this.seqs[i] = seqs[from]!;
      this.levels[i] = levels[from]!;
    }
    this.head = 0;
  }
}
