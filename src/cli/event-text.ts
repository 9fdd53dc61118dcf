import type { ChipStateEvent, RequestEvent } from '../api/client/types.js';
import type { Gap } from '../events/edge-event.js';
import { type EdgeFormatter, lineLabel } from './event-format.js';

/** The name of a line, or undefined. */
export type NameOf = (chip: string, offset: number) => string | undefined;

/** What goes to stdout and what to stderr, each made of whole lines. */
export interface Rendered {
  readonly out: string;
  readonly err: string;
}

export interface TextStyle {
  /** What stands before messages on stderr. */
  readonly program: string;
  readonly format: EdgeFormatter;
  readonly nameOf: NameOf;
  /** The format prints the number of lost edges, so that stderr need not. */
  readonly formatShowsLoss: boolean;
  /** Chips that cannot count: that every edge of theirs may have lost some before it is not news. */
  readonly uncountedChips: ReadonlySet<string>;
}

/**
 * Events for people: edges as libgpiod's tools print them, on stdout; everything that those tools
 * do not know (losses, gaps, chips that go and come) on stderr, so that scripts are not surprised.
 */
export function renderText(events: readonly RequestEvent[], style: TextStyle): Rendered {
  let out = '';
  let err = '';
  for (const event of events) {
    if (event.type === 'edge') {
      const name = style.nameOf(event.chip, event.offset);
      out += `${style.format(event, name)}\n`;
      if (event.lost !== 0 && !style.formatShowsLoss && !isExpected(event, style)) {
        err += `${style.program}: ${lossText(event.lost)} on ${label(event.chip, event.offset, name)}\n`;
      }
    } else if (event.type === 'gap') err += `${style.program}: ${gapText(event, style.nameOf)}\n`;
    else if (event.type === 'chip') err += `${style.program}: ${chipStateText(event)}\n`;
  }
  return { out, err };
}

/** `chip hub is down: ...`, `chip hub is up`. */
export function chipStateText({ chip, state, reason }: ChipStateEvent): string {
  return `chip ${chip} is ${state}${reason === undefined ? '' : `: ${reason}`}`;
}

/** `3 edges lost on hub 5 "DOOR" (overflow)`. */
export function gapText(gap: Gap, nameOf: NameOf): string {
  const place =
    gap.offset === undefined
      ? `every line of ${gap.chip}`
      : label(gap.chip, gap.offset, nameOf(gap.chip, gap.offset));
  const level = gap.level === undefined ? '' : `, now ${gap.level === 1 ? 'active' : 'inactive'}`;
  return `${lossText(gap.lost)} on ${place} (${gap.reason})${level}`;
}

function lossText(lost: number | null): string {
  if (lost === null) return 'an unknown number of edges lost';
  return lost === 1 ? '1 edge lost' : `${lost} edges lost`;
}

function label(chip: string, offset: number, name: string | undefined): string {
  return lineLabel(chip, offset, name, { showChip: true, unquoted: false });
}

function isExpected({ chip, lost }: { chip: string; lost: number | null }, style: TextStyle): boolean {
  return lost === null && style.uncountedChips.has(chip);
}
