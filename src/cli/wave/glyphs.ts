import type { Stretch } from './line-history.js';

/** What one column of a waveform is drawn with. Each is one column wide. */
export interface Glyphs {
  readonly low: string;
  readonly high: string;
  readonly rising: string;
  readonly falling: string;
  /** There and back. */
  readonly pulse: string;
  /** More edges than can be told apart. */
  readonly several: string;
  /** {@link MANY} and more. */
  readonly many: string;
  /** The level is not known. */
  readonly unknown: string;
  /** Cuts a text short. */
  readonly ellipsis: string;
  /** Marks a time below the waveforms. */
  readonly tick: string;
}

export const UNICODE: Glyphs = {
  low: '▁',
  high: '▔',
  rising: '╱',
  falling: '╲',
  pulse: '│',
  several: '▒',
  many: '█',
  unknown: '╳',
  ellipsis: '…',
  tick: '╵',
};

export const ASCII: Glyphs = {
  low: '_',
  high: '"',
  rising: '/',
  falling: '\\',
  pulse: '|',
  several: '+',
  many: '#',
  unknown: 'x',
  ellipsis: '~',
  tick: "'",
};

/** Edges in a column from which on it is drawn solid. */
export const MANY = 10;

/** Terminals whose fonts lack the others, whatever the locale. */
const ASCII_TERMINALS = ['dumb', 'linux', 'vt100', 'vt220'];

/** By the locale, as the C library chooses it: the first of these that is set and not empty. */
export function glyphsFor(env: Readonly<Record<string, string | undefined>>): Glyphs {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || '';
  return /utf-?8/i.test(locale) && !ASCII_TERMINALS.includes(env.TERM ?? '') ? UNICODE : ASCII;
}

/** The glyph of a column in which this happened. */
export function glyphOf({ edges, level, unknown }: Stretch, glyphs: Glyphs): string {
  if (level === undefined) return ' ';
  if (unknown) return glyphs.unknown;
  if (edges >= MANY) return glyphs.many;
  if (edges > 2) return glyphs.several;
  if (edges === 2) return glyphs.pulse;
  if (edges === 1) return level === 1 ? glyphs.rising : glyphs.falling;
  return level === 1 ? glyphs.high : glyphs.low;
}
