/** What a {@link RateLimit} decides. */
export type RateDecision = { readonly pass: false } | { readonly pass: true; readonly suppressed: number };

interface Cause {
  windowEndsMs: number;
  passed: number;
  suppressed: number;
}

/** Causes remembered; beyond that the one whose window ended first is forgotten. */
const MAX_CAUSES = 1_024;

/** Lets so many lines of one cause through in a window of time, and counts the others. Pure but for its memory. */
export class RateLimit {
  readonly #causes = new Map<string, Cause>();

  constructor(
    private readonly linesPerWindow: number,
    private readonly windowMs: number,
  ) {}

  /**
   * Whether a line of this cause may pass at `nowMs`, and how many before it did not. A line that
   * does not counts as `weight`.
   */
  decide(cause: string, nowMs: number, weight = 1): RateDecision {
    const known = this.#causes.get(cause);
    if (known === undefined || nowMs >= known.windowEndsMs) {
      this.#causes.delete(cause);
      this.#forgetOldest();
      this.#causes.set(cause, { windowEndsMs: nowMs + this.windowMs, passed: 1, suppressed: 0 });
      return { pass: true, suppressed: known?.suppressed ?? 0 };
    }
    if (known.passed < this.linesPerWindow) {
      known.passed++;
      return { pass: true, suppressed: 0 };
    }
    known.suppressed += weight;
    return { pass: false };
  }

  /** Maps keep the order of insertion, and windows are of one length. */
  #forgetOldest(): void {
    if (this.#causes.size < MAX_CAUSES) return;
    for (const cause of this.#causes.keys()) {
      this.#causes.delete(cause);
      return;
    }
  }
}
