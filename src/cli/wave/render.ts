import { type Glyphs, glyphOf } from './glyphs.js';
import { STEPS, type Stretch } from './line-history.js';
import { shortCount, shortRate, shortTime } from './units.js';
import type { WaveLine, WaveState } from './wave-state.js';

/** The room there is, in characters. */
export interface FrameSize {
  readonly columns: number;
  /** Most lines; undefined: as many as there are. */
  readonly rows?: number;
}

/** Where the columns of a frame are, and what time each stands for. */
interface Layout {
  readonly nameWidth: number;
  readonly showEdges: boolean;
  readonly showRate: boolean;
  readonly waveWidth: number;
  readonly stepsPerColumn: number;
  /** The step after the last one shown. */
  readonly endStep: number;
  readonly nowNs: number;
}

const EDGES_WIDTH = 7;
const RATE_WIDTH = 9;
/** Less than this is no waveform: numbers go first. */
const LEAST_WAVE = 24;
const LONGEST_NAME = 20;
const SHORTEST_NAME = 6;
/** Between two marks of the time scale, about. */
const TICK_COLUMNS = 14;
const NOW = 'now';

/**
 * The view at a moment, a row for each line and the time below: no line is longer than `columns`,
 * and there are no more of them than `rows`. `nowNs` is since watching began.
 */
export function renderFrame(state: WaveState, size: FrameSize, nowNs: number, glyphs: Glyphs): string[] {
  const layout = layOut(state, Math.max(1, size.columns), nowNs);
  const rows = size.rows ?? Number.POSITIVE_INFINITY;
  const lines = lineRows(state, layout, glyphs, rows);
  const room = rows - lines.length;
  // What matters less goes first where the window is low.
  const frame = [
    ...(room >= 4 ? [state.chipNames.map(printable).join(', ')] : []),
    ...(room >= 3 ? [headings(layout, state.stepNs)] : []),
    ...lines,
    ...(room >= 1 ? [timeScale(layout, state.stepNs, glyphs)] : []),
    ...(room >= 2 ? [news(state, nowNs)] : []),
  ];
  return frame.map((line) => cut(line, Math.max(1, size.columns), glyphs).trimEnd());
}

function layOut(state: WaveState, columns: number, nowNs: number): Layout {
  const longest = Math.max(...state.lines.map((line) => labelOf(line).length));
  const wanted = Math.min(longest, LONGEST_NAME);
  const spare = columns - 4 - LEAST_WAVE;
  const nameWidth = Math.max(Math.min(wanted, spare), Math.min(wanted, SHORTEST_NAME));
  const showEdges = spare - nameWidth >= EDGES_WIDTH;
  const showRate = spare - nameWidth >= EDGES_WIDTH + RATE_WIDTH;
  const waveWidth = Math.min(Math.max(1, columns - widthBefore({ nameWidth, showEdges, showRate })), STEPS);
  const stepsPerColumn = Math.floor(STEPS / waveWidth);
  // Columns begin at multiples of their width, so that a waveform moves and does not flicker.
  const endStep = (Math.floor(nowNs / state.stepNs / stepsPerColumn) + 1) * stepsPerColumn;
  return { nameWidth, showEdges, showRate, waveWidth, stepsPerColumn, endStep, nowNs };
}

/** Columns to the left of the waveforms. */
function widthBefore({
  nameWidth,
  showEdges,
  showRate,
}: Pick<Layout, 'nameWidth' | 'showEdges' | 'showRate'>): number {
  return nameWidth + 3 + (showEdges ? EDGES_WIDTH : 0) + (showRate ? RATE_WIDTH : 0) + 1;
}

function lineRows(state: WaveState, layout: Layout, glyphs: Glyphs, rows: number): string[] {
  const count = state.lines.length;
  const room = Math.max(1, rows - (count + 4 > rows ? 1 : 4));
  if (count <= room) return state.lines.map((line) => lineRow(state, line, layout, glyphs));
  const shown = state.lines.slice(0, Math.max(0, room - 1));
  return [
    ...shown.map((line) => lineRow(state, line, layout, glyphs)),
    `(${count - shown.length} more ${count - shown.length === 1 ? 'line' : 'lines'}: make the window higher)`,
  ];
}

function lineRow(state: WaveState, line: WaveLine, layout: Layout, glyphs: Glyphs): string {
  const { nameWidth, waveWidth, stepsPerColumn, endStep } = layout;
  const downNs = state.down.get(line.chip)?.sinceNs;
  const downStep = downNs === undefined ? Number.POSITIVE_INFINITY : Math.floor(downNs / state.stepNs);
  let wave = '';
  for (let column = 0; column < waveWidth; column++) {
    const first = endStep - (waveWidth - column) * stepsPerColumn;
    wave += columnGlyph(line, first, first + stepsPerColumn - 1, downStep, glyphs);
  }
  const label = cut(labelOf(line), nameWidth, glyphs).padEnd(nameWidth);
  const level = downNs === undefined ? String(line.history.level) : 'x';
  return `${label}  ${level}${numbers(state, line, layout)} ${wave}`;
}

function columnGlyph(
  { history }: WaveLine,
  first: number,
  last: number,
  downStep: number,
  glyphs: Glyphs,
): string {
  const stretch: Stretch = history.stretch(first, last);
  if (last < downStep) return glyphOf(stretch, glyphs);
  return glyphOf({ ...stretch, unknown: true }, glyphs);
}

function numbers(state: WaveState, { history }: WaveLine, layout: Layout): string {
  const edges = shortCount(history.total).padStart(EDGES_WIDTH);
  if (!layout.showEdges) return '';
  if (!layout.showRate) return edges;
  const seen = history.stretch(layout.endStep - STEPS, layout.endStep).edges;
  const seconds = Math.max(1e-9, Math.min(layout.nowNs, state.spanNs) / 1e9);
  return edges + shortRate(seen / seconds).padStart(RATE_WIDTH);
}

function headings(layout: Layout, stepNs: number): string {
  const { nameWidth, showEdges, showRate, waveWidth, stepsPerColumn } = layout;
  const scale = `1 column = ${shortTime(stepsPerColumn * stepNs)}`;
  return [
    'line'.padEnd(nameWidth + 3),
    showEdges ? 'edges'.padStart(EDGES_WIDTH) : '',
    showRate ? 'rate'.padStart(RATE_WIDTH) : '',
    scale.length <= waveWidth ? ` ${scale.padStart(waveWidth)}` : '',
  ].join('');
}

/** `'-10s       '-5s        now'` below the waveforms; a tick marks the beginning of its column. */
function timeScale(layout: Layout, stepNs: number, glyphs: Glyphs): string {
  const { waveWidth, stepsPerColumn } = layout;
  const marks = Array.from({ length: waveWidth }, () => ' ');
  const parts = Math.max(1, Math.floor(waveWidth / TICK_COLUMNS));
  for (let part = 0; part < parts; part++) {
    const column = Math.round((part * waveWidth) / parts);
    const label = `${glyphs.tick}-${shortTime((waveWidth - column) * stepsPerColumn * stepNs)}`;
    if (column + label.length + NOW.length < waveWidth) marks.splice(column, label.length, ...label);
  }
  if (waveWidth >= NOW.length + 1)
    marks.splice(waveWidth - NOW.length - 1, NOW.length + 1, ...NOW, glyphs.tick);
  return ' '.repeat(widthBefore(layout)) + marks.join('');
}

/** What is not well: chips that are away, and gaps. */
function news(state: WaveState, nowNs: number): string {
  const down = [...state.down.values()].map(({ text }) => text);
  if (state.gaps === 0) return printable(down.join('; '));
  const { atNs, text } = state.lastGap!;
  const ago = shortTime(Math.max(0, nowNs - atNs));
  const gaps = state.gaps === 1 ? `1 gap, ${ago} ago` : `${state.gaps} gaps, the last ${ago} ago`;
  return printable([...down, `${gaps}: ${text}`].join('; '));
}

function labelOf({ chip, offset, name }: WaveLine): string {
  return printable(name ?? `${chip} ${offset}`);
}

/** Names and reasons come from outside, and must not drive the terminal. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}

function cut(text: string, width: number, { ellipsis }: Glyphs): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}${ellipsis}`;
}
