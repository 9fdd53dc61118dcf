import type { TimerHandle, Timers } from '../base/clock.js';
import type { Level } from '../driver/remote-gpio.js';
import type { SensedEdge, SensedGap } from './sensed.js';

/**
 * Software debounce of one line, as gpiolib's: every edge starts the period again, and when the
 * line has been stable for a whole period one event is due if its level is not the one reported
 * last. The event's time is the end of that period, in the time of the edges themselves: edges
 * that arrive late, and many at once, settle as they did on the line.
 */
export class Debouncer {
  /** Physical level reported last; null until it can be known. */
  private stable: Level | null = null;
  /** The last edge of a line that is not stable yet. */
  private last: SensedEdge | undefined;
  /** Edges that went missing since the last event; null: cannot be known. */
  private lost: number | null = 0;
  private timer: TimerHandle | undefined;

  /** `settled` gets an event that is due when a period ends without another edge. */
  constructor(
    readonly periodNs: bigint,
    private readonly timers: Timers,
    private readonly settled: (event: SensedEdge) => void,
  ) {}

  /** Takes an edge; returns the event of a period that had ended before it. */
  edge(edge: SensedEdge): SensedEdge | undefined {
    this.stop();
    // Where edges are missing in between, nobody can say that the line was stable. A device that
    // does not count says so of every edge (null), and is taken at what it delivered.
    const wasStable =
      this.last !== undefined && edge.timeNs - this.last.timeNs >= this.periodNs && !(edge.lost ?? 0);
    const event = wasStable ? this.settle() : undefined;
    this.stable ??= levelBefore(edge);
    this.last = edge;
    this.lost = this.lost === null || edge.lost === null ? null : this.lost + edge.lost;
    // From its arrival on: an edge that starts the period again is as late as this one.
    this.timer = this.timers.set(() => this.timeUp(), Number(this.periodNs) / 1e6);
    return event;
  }

  /** After a gap the level is the one it tells, if it tells one; what was not stable is in the gap. */
  gap(gap: SensedGap): void {
    this.stop();
    this.last = undefined;
    this.lost = 0;
    this.stable = gap.level ?? null;
  }

  /** No timer runs any more. */
  stop(): void {
    if (this.timer !== undefined) this.timers.clear(this.timer);
    this.timer = undefined;
  }

  private timeUp(): void {
    this.timer = undefined;
    const event = this.settle();
    if (event !== undefined) this.settled(event);
  }

  private settle(): SensedEdge | undefined {
    const { last, stable, lost, periodNs } = this;
    this.last = undefined;
    if (last === undefined || last.level === stable) return undefined;
    this.stable = last.level;
    this.lost = 0;
    return {
      ...last,
      lost,
      timeNs: last.timeNs + periodNs,
      boottimeNs: last.boottimeNs === undefined ? undefined : last.boottimeNs + periodNs,
    };
  }
}

/** Edges alternate: the level before an edge follows from it and from how many are missing before it. */
function levelBefore(edge: SensedEdge): Level | null {
  if (edge.lost === null) return null;
  return (edge.level === 1) === (edge.lost % 2 === 0) ? 0 : 1;
}
