import type { EdgeEvent } from '../../src/events/edge-event.js';

/** An event, and when it came, ns since the epoch. */
export interface Arrival {
  readonly event: EdgeEvent;
  readonly arrivedNs: number;
}

/** Events after which it is taken as it is: those that tell come within a few. */
const MOST_HELD = 64;

/**
 * Which edge the first event after a gap of unknown size tells of, where edges follow each other so fast that its time
 * fits several. The events behind it tell: each says how many edges lie between it and the one before.
 */
export class Alignment {
  readonly held: Arrival[];
  /** How many edges the last event is behind the first. */
  private behind = 0;
  private fitsNone = false;

  /** `starts`: edges that the first event may tell of, ascending; `fits`: whether an event may tell of an edge. */
  constructor(
    private starts: readonly number[],
    first: Arrival,
    private readonly fits: (index: number, event: EdgeEvent) => boolean,
  ) {
    this.held = [first];
  }

  add(arrival: Arrival): void {
    this.held.push(arrival);
    this.behind += 1 + (arrival.event.lost ?? 0);
    const left = this.starts.filter((start) => this.fits(start + this.behind, arrival.event));
    if (left.length === 0) this.fitsNone = true;
    else this.starts = left;
  }

  /** Whether further events may tell more. */
  get isOpen(): boolean {
    return this.starts.length > 1 && !this.fitsNone && this.held.length < MOST_HELD;
  }

  /** The edge of the first event: the earliest that is left. */
  get start(): number {
    return this.starts[0]!;
  }

  /** Whether the last event may be that of the last of so many edges. */
  mayEndAt(count: number): boolean {
    return this.starts.some((start) => start + this.behind + 1 === count);
  }
}
