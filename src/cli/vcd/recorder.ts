import type { ChipStateEvent, RequestEvent } from '../../api/client/types.js';
import type { EdgeEvent, Gap } from '../../events/edge-event.js';
import type { Level } from '../../gpio/chip.js';
import { lineLabel } from '../event-format.js';
import { chipStateText, gapText } from '../event-text.js';
import type { ReadLevels, Watched } from '../watch/sink.js';
import type { TimeAxis } from '../watch/time-axis.js';
import { type Change, ChangeQueue, type QueueLimits } from './change-queue.js';
import { type Signal, signalsOf } from './header.js';
import { commentText } from './names.js';

export interface RecorderLimits extends QueueLimits {
  /** How long nothing is written because a chip is down and may still bring edges from before, ms. */
  readonly holdMs: number;
}

export const RECORDER_LIMITS: RecorderLimits = { windowMs: 500, most: 131_072, holdMs: 10_000 };

/** A signal and what is known of it. */
interface Track extends Signal {
  readonly name: string | undefined;
  /** The level after the last event; undefined: not known. */
  level: Level | undefined;
  /** Whether any event of the line came. */
  heard: boolean;
  /** Time of its last change: the next one is later, so that each can be seen. */
  lastNs: number;
  /** The level after a gap: withdrawn when an edge shows that it came too soon. */
  restored: Change | undefined;
  /** Unknown because the chip is down: withdrawn when it comes back and nothing is missing. */
  absent: Change | undefined;
  /** What was written last. */
  written: string;
}

interface DownChip {
  readonly atNs: number;
  readonly sinceMs: number;
}

/** Most notes kept; the oldest go, counted. */
const MOST_NOTES = 256;

/**
 * Turns events into the text of a Value Change Dump behind its header. Pure: times are given. What
 * is returned is made of whole lines and may be written at once. Comments are kept for the end of the
 * dump, see {@link notes}: libsigrok 0.5 ignores much of what follows a comment among the changes.
 */
export class VcdRecorder {
  readonly #tracks: readonly Track[];
  readonly #byLine = new Map<string, Track>();
  readonly #byCode = new Map<string, Track>();
  readonly #countsLoss: ReadonlyMap<string, boolean>;
  readonly #axis: TimeAxis;
  readonly #limits: RecorderLimits;
  readonly #queue: ChangeQueue;
  readonly #down = new Map<string, DownChip>();
  /** Time of the last `#` line. */
  #writtenNs = 0;
  #edges = 0;
  #gaps = 0;
  #late = 0;
  #notes: string[] = [];
  #notesDropped = 0;
  #widestNs = 0;
  #hostStamped = 0;

  constructor(watched: Watched, axis: TimeAxis, limits: RecorderLimits = RECORDER_LIMITS) {
    const lines = watched.chips.flatMap((chip) => chip.lines);
    this.#tracks = signalsOf(watched.chips).map((signal, index) => ({
      ...signal,
      name: lines[index].name,
      level: lines[index].initial,
      heard: false,
      lastNs: 0,
      restored: undefined,
      absent: undefined,
      written: String(lines[index].initial),
    }));
    for (const track of this.#tracks) {
      this.#byLine.set(keyOf(track.chip, track.offset), track);
      this.#byCode.set(track.code, track);
    }
    this.#countsLoss = new Map(watched.chips.map(({ name, countsLoss }) => [name, countsLoss]));
    this.#axis = axis;
    this.#limits = limits;
    this.#queue = new ChangeQueue(limits);
  }

  /** Whether more waits than may: {@link advance} is due at once. */
  get full(): boolean {
    return this.#queue.length > this.#limits.most;
  }

  /** `nowMs` is of any steady clock, the same in all calls. */
  take(events: readonly RequestEvent[], nowMs: number): void {
    for (const event of events) {
      if (event.type === 'edge') this.#edge(event, nowMs);
      else if (event.type === 'gap') this.#gap(event, nowMs);
      else if (event.type === 'chip') this.#chip(event, nowMs);
      else if (event.reason !== 'released')
        this.#note(`the lines on ${event.chip} were released: ${event.reason}`, this.#latest());
    }
  }

  /** Takes levels that were read, for lines that are not known. */
  levels({ chip, levels, atNs }: ReadLevels, nowMs: number): void {
    for (const [offset, level] of levels) {
      const track = this.#byLine.get(keyOf(chip, offset));
      if (track !== undefined && track.level === undefined)
        this.#restore(track, level, this.#axis.ofMonotonic(atNs), nowMs);
    }
  }

  /** What has become due: call it now and then. */
  advance(nowMs: number): string {
    let holdNs = Number.POSITIVE_INFINITY;
    for (const { atNs, sinceMs } of this.#down.values())
      if (nowMs - sinceMs < this.#limits.holdMs) holdNs = Math.min(holdNs, atNs);
    return this.#write(this.#queue.take(nowMs, holdNs));
  }

  /** The rest and the end of time: at `endNs`, or at the last change. */
  end(endNs?: number): string {
    const text = this.#write(this.#queue.takeAll());
    return `${text}#${Math.max(this.#writtenNs + 1, Math.ceil(endNs ?? 0))}\n`;
  }

  /** What happened to lines and chips, and counts, as comments: they belong behind all changes. */
  notes(): string {
    const counts = [
      `${this.#edges} edges`,
      `${this.#gaps} gaps`,
      `${this.#late} changes came too late and were moved up`,
      `edges known within ${this.#widestNs} ns`,
      ...(this.#hostStamped > 0 ? [`${this.#hostStamped} edges stamped by the host, without a bound`] : []),
    ];
    const dropped = this.#notesDropped === 0 ? [] : [`${this.#notesDropped} older notes left out`];
    return [...dropped, ...this.#notes, counts.join(', ')].map((text) => `$comment ${text} $end\n`).join('');
  }

  #edge(edge: EdgeEvent, nowMs: number): void {
    const track = this.#byLine.get(keyOf(edge.chip, edge.offset));
    if (track === undefined) return;
    const atNs = this.#axis.ofEdge(edge.timestampNs);
    const level: Level = edge.edge === 'rising' ? 1 : 0;
    this.#settle(track, atNs);
    if (edge.lost !== 0 && (edge.lost !== null || this.#countsLoss.get(edge.chip))) {
      this.#note(`${edge.lost ?? 'unknown'} edges lost on ${labelOf(track)} before this`, atNs);
      this.#change(track, 'x', track.lastNs + 1, nowMs);
    } else if (!track.heard && track.level === level) {
      // The first edge was sensed before the level was read: the line began with the other level.
      this.#put(track, level === 1 ? '0' : '1', 0, nowMs);
    }
    this.#change(track, String(level), atNs, nowMs);
    track.heard = true;
    track.level = level;
    this.#edges++;
    if (edge.uncertaintyNs === null) this.#hostStamped++;
    else if (edge.uncertaintyNs > this.#widestNs) this.#widestNs = edge.uncertaintyNs;
  }

  #gap(gap: Gap, nowMs: number): void {
    const fromNs = this.#axis.ofMonotonic(gap.fromNs);
    const toNs = this.#axis.ofMonotonic(gap.toNs);
    const what = gapText(gap, (chip, offset) => this.#byLine.get(keyOf(chip, offset))?.name);
    this.#note(`${what}, between ${seconds(fromNs)} and ${seconds(toNs)}`, fromNs);
    this.#gaps++;
    for (const track of this.#tracks) {
      if (track.chip !== gap.chip || (gap.offset !== undefined && track.offset !== gap.offset)) continue;
      this.#settle(track, fromNs);
      this.#change(track, 'x', fromNs, nowMs);
      track.heard = true;
      track.level = undefined;
      if (gap.level !== undefined) this.#restore(track, gap.level, toNs, nowMs);
    }
  }

  #chip(event: ChipStateEvent, nowMs: number): void {
    const atNs = this.#axis.ofMonotonic(event.timestampNs);
    this.#note(chipStateText(event), atNs);
    const tracks = this.#tracks.filter(({ chip }) => chip === event.chip);
    if (event.state === 'up') {
      this.#down.delete(event.chip);
      for (const track of tracks) this.#present(track);
    } else if (!this.#down.has(event.chip)) {
      this.#down.set(event.chip, { atNs, sinceMs: nowMs });
      for (const track of tracks)
        track.absent = this.#put(track, 'x', Math.max(atNs, track.lastNs + 1), nowMs);
    }
  }

  /** The chip is back: what it brought tells the levels while it was away, unless time has moved on. */
  #present(track: Track): void {
    const { absent } = track;
    if (absent === undefined) return;
    track.absent = undefined;
    if (!absent.written) absent.withdrawn = true;
    else if (track.lastNs < absent.atNs) {
      track.lastNs = absent.atNs;
      track.level = undefined;
    }
  }

  /** An event at `atNs` comes next: a restored level stands only where it is older. */
  #settle(track: Track, atNs: number): void {
    const { restored } = track;
    if (restored === undefined) return;
    track.restored = undefined;
    if (restored.atNs < atNs || restored.written) track.lastNs = restored.atNs;
    else restored.withdrawn = true;
  }

  #restore(track: Track, level: Level, atNs: number, nowMs: number): void {
    track.level = level;
    track.restored = this.#put(track, String(level), Math.max(atNs, track.lastNs + 1), nowMs);
  }

  /** A change at its time, or as soon after it as it can be seen and written. */
  #change(track: Track, value: string, atNs: number, nowMs: number): void {
    if (atNs < this.#writtenNs) this.#late++;
    track.lastNs = this.#put(track, value, Math.max(atNs, track.lastNs + 1), nowMs).atNs;
  }

  #note(text: string, atNs: number): void {
    this.#notes.push(`${seconds(atNs)}: ${commentText(text)}`);
    if (this.#notes.length <= MOST_NOTES) return;
    this.#notes.shift();
    this.#notesDropped++;
  }

  #put(track: Track, value: string, atNs: number, nowMs: number): Change {
    const change: Change = {
      atNs: Math.max(atNs, this.#writtenNs),
      value,
      code: track.code,
      withdrawn: false,
      written: false,
    };
    this.#queue.add(change, nowMs);
    return change;
  }

  #latest(): number {
    return this.#tracks.reduce((latest, { lastNs }) => Math.max(latest, lastNs), this.#writtenNs);
  }

  #write(changes: readonly Change[]): string {
    let text = '';
    for (const change of changes) {
      const { atNs, value, code } = change;
      change.written = true;
      if (change.withdrawn) continue;
      const track = this.#byCode.get(code)!;
      if (track.written === value) continue;
      track.written = value;
      if (atNs > this.#writtenNs) {
        this.#writtenNs = atNs;
        text += `#${atNs}\n`;
      }
      text += `${value}${code}\n`;
    }
    return text;
  }
}

function keyOf(chip: string, offset: number): string {
  return `${offset} ${chip}`;
}

function labelOf({ chip, offset, name }: Track): string {
  return lineLabel(chip, offset, name, { showChip: true, unquoted: false });
}

/** A time of the dump for people. */
function seconds(atNs: number): string {
  return `${(atNs / 1e9).toFixed(9)} s`;
}
