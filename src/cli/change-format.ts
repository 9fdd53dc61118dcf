import type { LineChange } from '../api/client/types.js';
import { lineLabel } from './event-format.js';
import { formatTime, type TimeStyle } from './event-time.js';
import { compileFormat, type Specifiers } from './format.js';
import { formatAttributes } from './line-attributes.js';

/** Turns a change of a line of a chip into the text of one line, without its newline. */
export type ChangeFormatter = (chip: string, change: LineChange) => string;

export interface ChangeStyle {
  readonly timeStyle: TimeStyle;
  /** Chip and offset before the name too (with `-c`). */
  readonly showChip: boolean;
  readonly unquoted: boolean;
  /** Changes are stamped with CLOCK_MONOTONIC; dates need the other clock. */
  readonly realtimeNs: (monotonicNs: bigint) => bigint;
}

/** `<time>\trequested\t"name"`; an unnamed line is `chip offset`. */
export function defaultChangeFormatter(style: ChangeStyle): ChangeFormatter {
  return (chip, change) => {
    const { offset, name } = change.info;
    return `${timeText(change, style.timeStyle, style)}\t${change.kind}\t${lineLabel(chip, offset, name, style)}`;
  };
}

const KIND_NUMBERS = { requested: '1', released: '2', reconfigured: '3' } as const;

/** The formatter of a `--format` string. */
export function customChangeFormatter(format: string, style: ChangeStyle): ChangeFormatter {
  const specifiers: Specifiers<Parameters<ChangeFormatter>> = {
    a: (_chip, { info }) => formatAttributes(info, style.unquoted),
    c: (chip) => chip,
    C: (_chip, { info }) => (info.used ? (info.consumer ?? 'used') : 'unused'),
    e: (_chip, { kind }) => KIND_NUMBERS[kind],
    E: (_chip, { kind }) => kind,
    l: (_chip, { info }) => info.name ?? 'unnamed',
    o: (_chip, { info }) => String(info.offset),
    S: (_chip, change) => timeText(change, 'seconds', style),
    U: (_chip, change) => timeText(change, 'utc', style),
    L: (_chip, change) => timeText(change, 'local', style),
    '%': '%',
  };
  return compileFormat(format, specifiers);
}

function timeText({ timestampNs }: LineChange, timeStyle: TimeStyle, style: ChangeStyle): string {
  return formatTime(timeStyle === 'seconds' ? timestampNs : style.realtimeNs(timestampNs), timeStyle);
}
