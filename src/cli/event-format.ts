import type { EdgeEvent } from '../events/edge-event.js';
import { formatTime, type TimeStyle } from './event-time.js';
import { compileFormat, formatUses, type Specifiers } from './format.js';

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

const SPECIFIERS: Specifiers<Parameters<EdgeFormatter>> = {
  o: (event) => String(event.offset),
  l: (_event, name) => name ?? 'unnamed',
  c: (event) => event.chip,
  e: (event) => (event.edge === 'rising' ? '1' : '2'),
  E: (event) => event.edge,
  S: (event) => formatTime(event.timestampNs, 'seconds'),
  U: (event) => formatTime(event.timestampNs, 'utc'),
  L: (event) => formatTime(event.timestampNs, 'local'),
  '%': '%',
};

const LOSS: Specifiers<Parameters<EdgeFormatter>> = {
  x: (event) => (event.lost === null ? '?' : String(event.lost)),
};

/** The formatter of a `--format` string. `%x` is ours: gpiomon prints it as it is, and so it is without `knowsLoss`. */
export function customFormatter(format: string, knowsLoss = true): EdgeFormatter {
  return compileFormat(format, knowsLoss ? { ...SPECIFIERS, ...LOSS } : SPECIFIERS);
}

/** Whether a `--format` string prints the number of lost edges itself. */
export function formatShowsLoss(format: string): boolean {
  return formatUses(format, '%x');
}
