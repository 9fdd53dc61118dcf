/** A change of a signal that waits for its turn. */
export interface Change {
  /** Nanoseconds on the axis of the dump. */
  readonly atNs: number;
  /** `0`, `1` or `x`. */
  readonly value: string;
  /** The code of the signal. */
  readonly code: string;
  /** Taken back before its turn came. */
  withdrawn: boolean;
  /** Its turn came. */
  written: boolean;
}

export interface QueueLimits {
  /** How long a change waits for earlier ones of other lines, ms. */
  readonly windowMs: number;
  /** Most changes that wait; then the older half goes out at once. */
  readonly most: number;
}

/** Arrivals closer together than this share a mark. */
const MARK_MS = 10;

/**
 * Puts changes in the order of their times. A change goes out once one that is no earlier has been
 * here for the window: what counts is how long after the others a late one arrives, so that a link
 * that stalls and catches up disorders nothing.
 */
export class ChangeQueue {
  readonly #limits: QueueLimits;
  #waiting: Change[] = [];
  /** When changes up to a time had arrived; both ascending. */
  #marks: { sinceMs: number; upToNs: number }[] = [];
  #latestNs = 0;
  /** Changes up to here may go. */
  #releasedNs = -1;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  get length(): number {
    return this.#waiting.length;
  }

  add(change: Change, nowMs: number): void {
    this.#waiting.push(change);
    if (change.atNs <= this.#latestNs) return;
    this.#latestNs = change.atNs;
    const newest = this.#marks.at(-1);
    if (newest === undefined || nowMs - newest.sinceMs > MARK_MS)
      this.#marks.push({ sinceMs: nowMs, upToNs: change.atNs });
    else newest.upToNs = change.atNs;
  }

  /** What may go out now, in order; nothing at or after `holdNs`, as long as there is room. */
  take(nowMs: number, holdNs = Number.POSITIVE_INFINITY): Change[] {
    while (this.#marks.length > 0 && nowMs - this.#marks[0].sinceMs >= this.#limits.windowMs + MARK_MS)
      this.#releasedNs = this.#marks.shift()!.upToNs;
    if (this.#waiting.length > this.#limits.most) {
      this.#sort();
      return this.#upTo(Math.max(this.#releasedNs, this.#waiting[this.#waiting.length >> 1].atNs));
    }
    const limitNs = Math.min(this.#releasedNs, holdNs - 1);
    if (!this.#waiting.some(({ atNs }) => atNs <= limitNs)) return [];
    this.#sort();
    return this.#upTo(limitNs);
  }

  /** Everything, in order. */
  takeAll(): Change[] {
    this.#sort();
    return this.#upTo(Number.POSITIVE_INFINITY);
  }

  /** Stable: what has the same time keeps its order. Cheap, as nearly everything is in order already. */
  #sort(): void {
    this.#waiting.sort((a, b) => a.atNs - b.atNs);
  }

  #upTo(limitNs: number): Change[] {
    let end = 0;
    while (end < this.#waiting.length && this.#waiting[end].atNs <= limitNs) end++;
    const taken = this.#waiting.slice(0, end);
    this.#waiting = this.#waiting.slice(end);
    return taken;
  }
}
