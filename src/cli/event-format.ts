import type { EdgeEvent } from '../events/edge-event.js';
import { formatTime, type TimeStyle } from './event-time.js';

/** Turns an edge into the text of one line, without its newline. */
export type EdgeFormatter = (event: EdgeEvent, name: string | undefined) => string;

export interface DefaultFormat {
  readonly timeStyle: TimeStyle;
  /** Chip and offset before the name too (with `-c`). */
  readonly showChip: boolean;
  readonly unquoted: boolean;
}

/** `<time>\trising\t"name"`; an unnamed line is `chip offset`. */
export function defaultFormatter({ timeStyle, showChip, unquoted }: DefaultFormat): EdgeFormatter {
  return (event, name) =>
    `${formatTime(event.timestampNs, timeStyle)}\t${event.edge}\t${lineLabel(event.chip, event.offset, name, { showChip, unquoted })}`;
}

/** A line for people: `"name"`, `chip offset "name"`, or `chip offset` where it has no name. */
export function lineLabel(
  chip: string,
  offset: number,
  name: string | undefined,
  style: { readonly showChip: boolean; readonly unquoted: boolean },
): string {
  const place = `${chip} ${offset}`;
  if (name === undefined) return place;
  const label = style.unquoted ? name : `"${name}"`;
  return style.showChip ? `${place} ${label}` : label;
}

type Piece = string | EdgeFormatter;

const SPECIFIERS: Readonly<Record<string, Piece>> = {
  o: (event) => String(event.offset),
  l: (_event, name) => name ?? 'unnamed',
  c: (event) => event.chip,
  e: (event) => (event.edge === 'rising' ? '1' : '2'),
  E: (event) => event.edge,
  S: (event) => formatTime(event.timestampNs, 'seconds'),
  U: (event) => formatTime(event.timestampNs, 'utc'),
  L: (event) => formatTime(event.timestampNs, 'local'),
  x: (event) => (event.lost === null ? '?' : String(event.lost)),
  '%': '%',
};

/**
 * The formatter of a `--format` string, taken apart once. A `%` before anything that is no
 * specifier, and one at the end, stand for themselves.
 */
export function customFormatter(format: string): EdgeFormatter {
  const pieces = splitFormat(format);
  return (event, name) => {
    let line = '';
    for (const piece of pieces) line += typeof piece === 'string' ? piece : piece(event, name);
    return line;
  };
}

/** Whether a `--format` string prints the number of lost edges itself. */
export function formatShowsLoss(format: string): boolean {
  return splitFormat(format).includes(SPECIFIERS.x);
}

function splitFormat(format: string): Piece[] {
  const pieces: Piece[] = [];
  for (const [text] of format.matchAll(/%[\s\S]?|[^%]+/gu)) {
    const specifier = text.length > 1 && text.startsWith('%') ? text.slice(1) : undefined;
    const known = specifier !== undefined && Object.hasOwn(SPECIFIERS, specifier);
    pieces.push(known ? SPECIFIERS[specifier] : text);
  }
  return pieces;
}
