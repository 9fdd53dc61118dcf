import type { EdgeEvent, Gap } from '../../src/events/edge-event.js';
import type { PinTruth } from './truth.js';

/** What became of the edges of a cell, against what happened. */
export interface Verdict {
  delivered: number;
  /** Edges that a number tells of. */
  countedLost: number;
  /** Edges inside a gap of unknown size, or before an edge whose loss cannot be known. */
  uncounted: number;
  lostWithoutTrace: number;
  invented: number;
  duplicated: number;
  outOfOrder: number;
  /** Lines whose last level, as the events tell it, is not that of the pin, and nothing says so. */
  wrongLevels: number;
  /** Greatest distance of a time from the edge, ns; of edges that the device stamped. */
  worstErrorNs: number;
  /** Greatest bound stated with such a time, but for those of a host that slept. */
  worstBoundNs: number;
  /** Times outside of their own bound. */
  beyondBound: number;
  /** Longest from an edge to its arrival, ns. */
  worstWaitNs: number;
  /** Restarts of the firmware that do not lie in exactly one gap of unknown size. */
  uncoveredRestarts: number;
}

export function newVerdict(): Verdict {
  return {
    delivered: 0,
    countedLost: 0,
    uncounted: 0,
    lostWithoutTrace: 0,
    invented: 0,
    duplicated: 0,
    outOfOrder: 0,
    wrongLevels: 0,
    worstErrorNs: 0,
    worstBoundNs: 0,
    beyondBound: 0,
    worstWaitNs: 0,
    uncoveredRestarts: 0,
  };
}

export interface JudgeOptions {
  /** Whether the chip says that it counts. */
  readonly counts: boolean;
  /** CLOCK_MONOTONIC where the truth's times begin. */
  readonly epochNs: bigint;
}

/** ns since the epoch. */
interface Span {
  readonly fromNs: number;
  readonly toNs: number;
}

/** A clock that is read in two processes does not agree to the nanosecond. */
const READING_NS = 2_000;

/**
 * Holds one line's events against what happened on its pin. Where the device counts, every edge has
 * its number: the next event must be the next edge, after those that it says were lost. After a
 * loss of unknown size, and where the device cannot count, an event may be any later edge of its
 * direction that had happened by then; the first is taken, so that what cannot be explained that
 * way cannot be explained at all.
 */
export class LineJudge {
  private next = 0;
  /** Losses of unknown size since the last edge, ns since the epoch. */
  private unknown: Span[] = [];
  /** All of them. */
  private readonly unknownGaps: Span[] = [];
  private lastNs = Number.NEGATIVE_INFINITY;
  private lastLevel = -1;
  /** Bound of the last edge's time: as far off may the moment be at which a gap after it begins. */
  private lastBoundNs = 0;
  /** What the events say the level is; undefined where they say that it cannot be known. */
  private believed: number | undefined = 0;

  constructor(
    private readonly truth: PinTruth,
    private readonly verdict: Verdict,
    private readonly options: JudgeOptions,
  ) {}

  edge(event: EdgeEvent, arrivedNs: number): void {
    const { verdict } = this;
    const level = event.edge === 'rising' ? 1 : 0;
    const timeNs = Number(event.timestampNs - this.options.epochNs);
    verdict.delivered++;
    if (timeNs === this.lastNs && level === this.lastLevel) verdict.duplicated++;
    else if (timeNs < this.lastNs) verdict.outOfOrder++;
    const index = this.find(event, level, timeNs);
    this.lastNs = timeNs;
    this.lastLevel = level;
    this.lastBoundNs = event.uncertaintyNs ?? 0;
    this.believed = level;
    if (index < 0) {
      verdict.invented++;
      return;
    }
    this.next = index + 1;
    verdict.worstWaitNs = Math.max(verdict.worstWaitNs, arrivedNs - this.truth.afterNs(index));
    if (event.stampedBy === 'device') this.checkTime(index, timeNs, event);
  }

  gap(gap: Gap): void {
    if (gap.lost === null) {
      const { epochNs } = this.options;
      const span = { fromNs: Number(gap.fromNs - epochNs), toNs: Number(gap.toNs - epochNs) };
      this.unknown.push(span);
      this.unknownGaps.push(span);
      this.believed = gap.level;
      return;
    }
    if (this.unknown.length > 0) this.skipUnknown(gap.lost, Number(gap.toNs - this.options.epochNs));
    this.next += gap.lost;
    this.verdict.countedLost += gap.lost;
    if (gap.level !== undefined) this.believed = gap.level;
    else if (gap.lost > 0 && this.next > 0 && this.next <= this.truth.count)
      this.believed = this.truth.levelOf(this.next - 1);
  }

  /** Nothing more comes: what happened and was not told of is lost without a trace. `restarts`: of the firmware. */
  end(restarts: readonly number[]): void {
    for (const atNs of restarts) {
      const around = this.unknownGaps.filter(({ fromNs, toNs }) => fromNs <= atNs && atNs <= toNs);
      if (around.length !== 1) this.verdict.uncoveredRestarts++;
    }
    if (this.options.counts) this.skip(this.truth.count, this.unknown.length > 0);
    else this.verdict.uncounted += this.truth.count - this.next;
    if (this.believed !== undefined && this.believed !== this.truth.level) this.verdict.wrongLevels++;
  }

  /** By how much the moment may be off at which a gap begins or ends. */
  private get slackNs(): number {
    return READING_NS + this.lastBoundNs;
  }

  /** The number of the edge that the event tells of; -1: of none. */
  private find(event: EdgeEvent, level: number, timeNs: number): number {
    const { truth, options } = this;
    if (options.counts && event.lost !== null && this.unknown.length === 0) {
      this.verdict.countedLost += event.lost;
      this.next += event.lost;
      return this.next < truth.count && truth.levelOf(this.next) === level ? this.next : -1;
    }
    const bound = (event.uncertaintyNs ?? 0) + READING_NS;
    for (let index = this.next; index < truth.count; index++) {
      if (truth.levelOf(index) !== level) continue;
      const fits =
        event.stampedBy === 'device'
          ? truth.errorNs(index, timeNs) <= bound
          : truth.beforeNs(index) <= timeNs + READING_NS;
      if (!fits) continue;
      // Counting began anew in the gap: what the event says was lost comes after it.
      const counted = options.counts ? Math.min(event.lost ?? 0, index - this.next) : 0;
      this.skip(index - counted, true);
      this.verdict.countedLost += counted;
      this.unknown = [];
      return index;
    }
    return -1;
  }

  /** Before the `counted` edges that end at `toNs` come those that lie in gaps of unknown size. */
  private skipUnknown(counted: number, toNs: number): void {
    const { truth } = this;
    let end = this.next;
    while (end < truth.count && truth.beforeNs(end) <= toNs + this.slackNs) end++;
    if (end - counted < this.next) return;
    this.skip(end - counted, true);
    this.unknown = [];
  }

  /** The edges up to this one were not delivered. */
  private skip(to: number, explained: boolean): void {
    const { truth, verdict, unknown } = this;
    for (; this.next < to; this.next++) {
      const [before, after] = [truth.beforeNs(this.next), truth.afterNs(this.next)];
      const { slackNs } = this;
      const inside = unknown.some(
        ({ fromNs, toNs }) => after >= fromNs - slackNs && before <= toNs + slackNs,
      );
      if (explained && (inside || !this.options.counts)) verdict.uncounted++;
      else verdict.lostWithoutTrace++;
    }
  }

  private checkTime(index: number, timeNs: number, { uncertaintyNs, boottimeNs }: EdgeEvent): void {
    const { verdict } = this;
    const boundNs = uncertaintyNs ?? 0;
    const errorNs = this.truth.errorNs(index, timeNs);
    verdict.worstErrorNs = Math.max(verdict.worstErrorNs, errorNs);
    // While the host slept, the bound is the sleep.
    if (boottimeNs === undefined) verdict.worstBoundNs = Math.max(verdict.worstBoundNs, boundNs);
    if (errorNs > boundNs + READING_NS) verdict.beyondBound++;
  }
}
