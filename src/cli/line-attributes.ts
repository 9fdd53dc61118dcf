import type { LineInfo } from '../gpio/chip.js';

/** The attributes of a line as `info` prints them, in its order. */
export function formatAttributes(info: LineInfo, unquoted: boolean): string {
  // Of a line that is in use through another synthetic chip no more is known.
  const othersLine = info.used && info.consumer === undefined && info.throughChip === undefined;
  const words: string[] = othersLine ? [] : [info.direction];
  if (info.activeLow) words.push('active-low');
  if (info.edges !== 'none') words.push(`edges=${info.edges}`);
  if (info.eventClock !== 'monotonic') words.push(`event-clock=${info.eventClock}`);
  if (info.debouncePeriodUs > 0) words.push(`debounce-period=${formatPeriod(info.debouncePeriodUs)}`);
  if (info.used) {
    if (info.consumer === undefined) words.push('used');
    else words.push(attribute('consumer', info.consumer, unquoted));
    if (info.persistent) words.push('persistent');
    if (info.throughChip !== undefined) words.push(attribute('chip', info.throughChip, unquoted));
  }
  if (info.unavailable !== undefined) words.push(attribute('unavailable', info.unavailable, unquoted));
  return words.join(' ');
}

function attribute(key: string, value: string, unquoted: boolean): string {
  return unquoted ? `${key}=${value}` : `${key}="${value}"`;
}

/** Microseconds in the largest unit that takes no fraction: `123us`, `10ms`, `2s`. */
function formatPeriod(microseconds: number): string {
  if (microseconds % 1_000_000 === 0) return `${microseconds / 1_000_000}s`;
  return microseconds % 1_000 === 0 ? `${microseconds / 1_000}ms` : `${microseconds}us`;
}

/** Name (padded to 16 characters, a tab) and attributes. `unnamed` is never quoted. */
export function formatLineInfo(info: LineInfo, unquoted: boolean): string {
  const name = info.name === undefined ? 'unnamed' : unquoted ? info.name : `"${info.name}"`;
  return `${name.padEnd(16)}\t${formatAttributes(info, unquoted)}`;
}
