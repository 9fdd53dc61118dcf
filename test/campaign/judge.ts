import type { EdgeEvent, Gap } from '../../src/events/edge-event.js';
import { Alignment, type Arrival } from './alignment.js';
import { judgeGaps, type Outage, type Span } from './gap-cover.js';
import type { PinTruth } from './truth.js';
import type { Verdict } from './verdict.js';

export interface JudgeOptions {
  /** Whether the chip says that it counts. */
  readonly counts: boolean;
  /** CLOCK_MONOTONIC where the truth's times begin. */
  readonly epochNs: bigint;
}

/** A clock that is read in two processes does not agree to the nanosecond. */
const READING_NS = 2_000;
/**
 * The host stamps what arrives: the edge was before, but not by more than every time limit of a driver
 * that asks again. Else an edge that was missed long ago would excuse one that came twice.
 */
const OLDEST_NS = 10e9;

/**
 * Holds one line's events against what happened on its pin. Where the device counts, every edge has
 * its number: the next event must be the next edge, after those that it says were lost. After a
 * loss of unknown size, and where the device cannot count, an event may be any later edge of its
 * direction that had happened by then, and not long ago; the first is taken, so that what cannot be
 * explained that way cannot be explained at all. Where the device counts and stamps, the first with which
 * the events behind it can be explained, too.
 */
export class LineJudge {
  private next = 0;
  /** Losses of unknown size since the last edge. */
  private unknown: Span[] = [];
  /** All of them. */
  private readonly unknownGaps: Span[] = [];
  private lastNs = Number.NEGATIVE_INFINITY;
  private lastLevel = -1;
  /** Bound of the last edge's time: as far off may the moment be at which a gap after it begins. */
  private lastBoundNs = 0;
  /** What the events say the level is; undefined where they say that it cannot be known. */
  private believed: number | undefined;
  /** Events after a loss of unknown size of which it is not yet known which edges they are. */
  private unaligned: Alignment | undefined;

  constructor(
    private readonly truth: PinTruth,
    private readonly verdict: Verdict,
    private readonly options: JudgeOptions,
  ) {
    this.believed = truth.initial;
  }

  /** Whether all that happened was told of; where nothing counts, whether the level is the one that was told. */
  get isSettled(): boolean {
    const { unaligned, truth } = this;
    if (unaligned !== undefined) return unaligned.mayEndAt(truth.count);
    return this.options.counts ? this.next === truth.count : this.believed === truth.level;
  }

  edge(event: EdgeEvent, arrivedNs: number): void {
    const arrival = { event, arrivedNs };
    if (event.lost === null) this.align();
    if (this.unaligned !== undefined) {
      this.unaligned.add(arrival);
      if (!this.unaligned.isOpen) this.align();
      return;
    }
    const starts = this.startsOf(event);
    if (starts.length < 2) this.take(arrival);
    else this.unaligned = new Alignment(starts, arrival, (index, behind) => this.mayBe(index, behind));
  }

  /** Takes what was held back, as well as it is known by now. */
  private align(): void {
    const { unaligned } = this;
    if (unaligned === undefined) return;
    this.unaligned = undefined;
    const [first, ...others] = unaligned.held;
    this.take(first!, unaligned.start);
    for (const other of others) this.take(other);
  }

  /** After a loss of unknown size: the edges that the event may tell of, where the device says when it was. */
  private startsOf(event: EdgeEvent): number[] {
    const { truth, options, next, unknown } = this;
    const isTold = options.counts && event.lost !== null && event.stampedBy === 'device';
    if (!isTold || unknown.length === 0 || this.repeats(event)) return [];
    const starts: number[] = [];
    for (let index = next; index < truth.count; index++) if (this.mayBe(index, event)) starts.push(index);
    return starts;
  }

  /** `start`: from which edge on it may tell of one. */
  private take({ event, arrivedNs }: Arrival, start = 0): void {
    const { verdict, truth } = this;
    const level = levelOf(event);
    const timeNs = this.timeOf(event);
    verdict.delivered++;
    if (this.repeats(event)) {
      verdict.duplicated++;
      return;
    }
    if (timeNs < this.lastNs) verdict.outOfOrder++;
    const index = this.find(event, start);
    this.lastNs = timeNs;
    this.lastLevel = level;
    this.lastBoundNs = event.uncertaintyNs ?? 0;
    this.believed = level;
    if (index < 0) {
      verdict.invented++;
      return;
    }
    this.next = index + 1;
    verdict.worstWaitNs = Math.max(verdict.worstWaitNs, arrivedNs - truth.afterNs(index));
    if (event.stampedBy === 'device') this.checkTime(index, timeNs, event);
  }

  gap(gap: Gap): void {
    this.align();
    const { epochNs } = this.options;
    const span = { fromNs: Number(gap.fromNs - epochNs), toNs: Number(gap.toNs - epochNs) };
    // An edge in the same direction as the last one may follow now.
    if (gap.lost !== 0) this.lastLevel = -1;
    if (gap.lost === null) {
      this.unknown.push(span);
      this.unknownGaps.push(span);
      this.checkRead(gap.level, span);
      this.believed = gap.level;
      return;
    }
    if (this.unknown.length > 0) this.skipUnknown(gap.lost, span.toNs);
    this.countLost(gap.lost);
    if (gap.level === undefined) {
      if (this.believed !== undefined && gap.lost % 2 === 1) this.believed = 1 - this.believed;
      return;
    }
    this.believed = gap.level;
    const isKnown = this.unknown.length === 0 && gap.lost > 0 && this.next > 0;
    if (isKnown && gap.level !== this.truth.levelOf(this.next - 1)) this.verdict.wrongLevels++;
  }

  /** Nothing more comes: what happened and was not told of is lost without a trace. `outages`: of the firmware. */
  end(outages: readonly Outage[]): void {
    this.align();
    const { truth, verdict, options } = this;
    judgeGaps(this.unknownGaps, outages, verdict);
    if (options.counts) this.skip(truth.count, this.unknown.length > 0);
    else verdict.uncounted += truth.count - this.next;
    if (this.believed === undefined) verdict.unknownLevels++;
    else if (this.believed !== truth.level) verdict.wrongLevels++;
  }

  /** ns since the epoch. */
  private timeOf({ timestampNs }: EdgeEvent): number {
    return Number(timestampNs - this.options.epochNs);
  }

  /** By how much the moment may be off at which a gap begins or ends. */
  private get slackNs(): number {
    return READING_NS + this.lastBoundNs;
  }

  /** Edges of a line alternate: the same direction again is the same edge, unless something is said to lie between. */
  private repeats(event: EdgeEvent): boolean {
    const level = levelOf(event);
    if (level !== this.lastLevel || (event.lost ?? 0) > 0) return false;
    return this.options.counts ? this.timeOf(event) === this.lastNs : level === this.believed;
  }

  /** The number of the edge that the event tells of, from `start` on where several could be; -1: of none. */
  private find(event: EdgeEvent, start: number): number {
    const { truth, options, verdict } = this;
    if (options.counts && event.lost !== null && this.unknown.length === 0) {
      this.countLost(event.lost);
      return this.next < truth.count && truth.levelOf(this.next) === levelOf(event) ? this.next : -1;
    }
    for (let index = Math.max(this.next, start); index < truth.count; index++) {
      if (!this.mayBe(index, event)) continue;
      // Counting began anew in the gap: what the event says was lost comes after it.
      const lost = options.counts ? (event.lost ?? 0) : 0;
      const counted = Math.min(lost, index - this.next);
      this.skip(index - counted, true);
      verdict.countedLost += lost;
      verdict.overcounted += lost - counted;
      this.unknown = [];
      return index;
    }
    return -1;
  }

  /** Whether the event may tell of this edge, by its direction and its time. */
  private mayBe(index: number, event: EdgeEvent): boolean {
    const { truth } = this;
    if (index >= truth.count || truth.levelOf(index) !== levelOf(event)) return false;
    const timeNs = this.timeOf(event);
    const { stampedBy, uncertaintyNs } = event;
    if (stampedBy === 'device') return truth.errorNs(index, timeNs) <= (uncertaintyNs ?? 0) + READING_NS;
    return truth.beforeNs(index) <= timeNs + READING_NS && truth.afterNs(index) >= timeNs - OLDEST_NS;
  }

  /** So many edges after the last one are said to be lost: no more than happened can be. */
  private countLost(lost: number): void {
    const { verdict, truth } = this;
    const happened = Math.min(lost, truth.count - this.next);
    verdict.countedLost += lost;
    verdict.overcounted += lost - happened;
    this.next += happened;
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
    const { truth, verdict, unknown, slackNs } = this;
    for (; this.next < to; this.next++) {
      const [before, after] = [truth.beforeNs(this.next), truth.afterNs(this.next)];
      const inside = unknown.some(
        ({ fromNs, toNs }) => after >= fromNs - slackNs && before <= toNs + slackNs,
      );
      if (explained && (inside || !this.options.counts)) verdict.uncounted++;
      else verdict.lostWithoutTrace++;
    }
  }

  /**
   * A level that was read in a gap is one that the pin had since the gap began. Where the host stamps, edges and
   * answers of a while can arrive at once: there, since the last edge.
   */
  private checkRead(level: number | undefined, { fromNs, toNs }: Span): void {
    const { slackNs, truth, next, options } = this;
    const sinceNs = options.counts ? fromNs - slackNs : next === 0 ? 0 : truth.beforeNs(next - 1);
    if (level === undefined || truth.had(level, sinceNs, toNs + slackNs)) return;
    this.verdict.wrongLevels++;
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

function levelOf({ edge }: EdgeEvent): 0 | 1 {
  return edge === 'rising' ? 1 : 0;
}
