import type { Level } from '../gpio/chip.js';
import { UsageError } from './errors.js';

const VALUES: Readonly<Record<string, Level>> = {
  '0': 0,
  '1': 1,
  inactive: 0,
  active: 1,
  off: 0,
  on: 1,
  false: 0,
  true: 1,
};

/** A line as it was named on the command line, and the logical value it is to take. */
export interface LineValue {
  readonly id: string;
  readonly value: Level;
}

/**
 * `LINE=VALUE`; a line whose name holds `=` is written in double quotes (`"a=b"=1`).
 * Throws {@link UsageError}.
 */
export function parseLineValue(text: string): LineValue {
  const { id, value } = parseLineWish(text);
  if (value === undefined) throw new UsageError(`invalid line value: '${text}'`);
  return { id, value };
}

/** A line, and the logical value it is to take; undefined: it is not to be driven. */
export interface LineWish {
  readonly id: string;
  readonly value: Level | undefined;
}

/** `LINE=VALUE` as {@link parseLineValue} takes it, or `LINE` alone. Throws {@link UsageError}. */
export function parseLineWish(text: string): LineWish {
  const whole = /^"([^"]*)"$/.exec(text)?.[1];
  if (whole !== undefined || !text.includes('=')) return { id: whole ?? text, value: undefined };
  const quoted = text.startsWith('"');
  const end = quoted ? text.indexOf('"=', 1) : text.indexOf('=');
  if (end < 0) throw new UsageError(`invalid line value: '${text}'`);
  const id = text.slice(quoted ? 1 : 0, end);
  const word = text.slice(end + (quoted ? 2 : 1));
  if (!Object.hasOwn(VALUES, word)) throw new UsageError(`invalid line value: '${word}'`);
  return { id, value: VALUES[word] };
}

/** Values as `get` prints them: `"id"=active "id2"=inactive`, or `1 0`. */
export function formatValues(
  lines: readonly LineValue[],
  style: { readonly numeric: boolean; readonly unquoted: boolean },
): string {
  return lines
    .map(({ id, value }) => {
      if (style.numeric) return String(value);
      return `${style.unquoted ? id : `"${id}"`}=${value === 1 ? 'active' : 'inactive'}`;
    })
    .join(' ');
}
