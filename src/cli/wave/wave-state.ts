import type { RequestEvent } from '../../api/client/types.js';
import type { EdgeEvent, Gap } from '../../events/edge-event.js';
import type { Level } from '../../gpio/chip.js';
import { chipStateText } from '../event-text.js';
import type { ReadLevels, Watched } from '../watch/sink.js';
import type { TimeAxis } from '../watch/time-axis.js';
import { LineHistory, STEPS } from './line-history.js';

/** One row of the view. */
export interface WaveLine {
  readonly chip: string;
  readonly offset: number;
  readonly name: string | undefined;
  readonly history: LineHistory;
  /** The first event came: what was read at the start is no longer corrected. */
  heard: boolean;
}

/** What the view shows, apart from the time it is. */
export interface WaveState {
  readonly lines: readonly WaveLine[];
  /** By name of the chip that is not up: since when, ns since watching began, and what was said of it. */
  readonly down: ReadonlyMap<string, { readonly sinceNs: number; readonly text: string }>;
  readonly chipNames: readonly string[];
  readonly spanNs: number;
  readonly stepNs: number;
  readonly gaps: number;
  /** The last gap, in words. */
  readonly lastGap: { readonly atNs: number; readonly text: string } | undefined;
}

/** Takes what happens into a {@link WaveState}. Costs the same for each edge, and keeps no edges. */
export class WaveModel implements WaveState {
  readonly lines: readonly WaveLine[];
  readonly down = new Map<string, { sinceNs: number; text: string }>();
  readonly chipNames: readonly string[];
  readonly spanNs: number;
  readonly stepNs: number;
  gaps = 0;
  lastGap: { atNs: number; text: string } | undefined;
  readonly #byLine = new Map<string, WaveLine>();
  readonly #countsLoss: ReadonlyMap<string, boolean>;
  readonly #axis: TimeAxis;

  constructor(watched: Watched, axis: TimeAxis, spanNs: number) {
    this.spanNs = spanNs;
    this.stepNs = spanNs / STEPS;
    this.chipNames = watched.chips.map(({ name, label }) => `${name} [${label}]`);
    this.#axis = axis;
    this.#countsLoss = new Map(watched.chips.map(({ name, countsLoss }) => [name, countsLoss]));
    this.lines = watched.chips.flatMap((chip) =>
      chip.lines.map(({ offset, name, initial }) => {
        const history = new LineHistory(initial, this.stepNs);
        return { chip: chip.name, offset, name, history, heard: false };
      }),
    );
    for (const line of this.lines) this.#byLine.set(keyOf(line.chip, line.offset), line);
  }

  take(events: readonly RequestEvent[]): void {
    for (const event of events) {
      if (event.type === 'edge') this.#edge(event);
      else if (event.type === 'gap') this.#gap(event);
      else if (event.type === 'chip') {
        const sinceNs = this.#axis.ofMonotonic(event.timestampNs);
        if (event.state === 'up') this.down.delete(event.chip);
        else if (event.state === 'down' || !this.down.has(event.chip))
          this.down.set(event.chip, {
            sinceNs: this.down.get(event.chip)?.sinceNs ?? sinceNs,
            text: chipStateText(event),
          });
      }
    }
  }

  levels({ chip, levels, atNs }: ReadLevels): void {
    for (const [offset, level] of levels) {
      const history = this.#byLine.get(keyOf(chip, offset))?.history;
      if (history?.level === 'x') history.set(level, this.#axis.ofMonotonic(atNs));
    }
  }

  #edge(edge: EdgeEvent): void {
    const line = this.#byLine.get(keyOf(edge.chip, edge.offset));
    if (line === undefined) return;
    const atNs = this.#axis.ofEdge(edge.timestampNs);
    const level: Level = edge.edge === 'rising' ? 1 : 0;
    if (edge.lost !== 0 && (edge.lost !== null || this.#countsLoss.get(edge.chip))) {
      // Anything may have happened since the line's last change.
      line.history.set('x', 0);
    } else if (!line.heard && line.history.level === level) line.history.set(level === 1 ? 0 : 1, 0);
    line.history.edge(level, atNs);
    line.heard = true;
  }

  #gap(gap: Gap): void {
    this.gaps++;
    const atNs = this.#axis.ofMonotonic(gap.toNs);
    this.lastGap = { atNs, text: this.#wordsFor(gap) };
    for (const line of this.lines) {
      if (line.chip !== gap.chip || (gap.offset !== undefined && line.offset !== gap.offset)) continue;
      line.history.set('x', this.#axis.ofMonotonic(gap.fromNs));
      if (gap.level !== undefined) line.history.set(gap.level, atNs);
      line.heard = true;
    }
  }

  /** Shorter than what `mon` prints: there is one line for it. */
  #wordsFor({ chip, offset, reason, lost }: Gap): string {
    const name = offset === undefined ? undefined : this.#byLine.get(keyOf(chip, offset))?.name;
    const place = offset === undefined ? chip : (name ?? `${chip} ${offset}`);
    return `${reason} on ${place}, edges lost: ${lost ?? 'unknown'}`;
  }
}

function keyOf(chip: string, offset: number): string {
  return `${offset} ${chip}`;
}
