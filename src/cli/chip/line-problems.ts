import type { SyntheticLineStatus } from '../../api/client/types.js';

/** What is wrong with lines, each reason once: `lines 0-3, 7: chip 'hub' is down: ...`. */
export function lineProblems(lines: readonly SyntheticLineStatus[]): string[] {
  const byReason = new Map<string, number[]>();
  for (const { offset, unavailable } of lines) {
    if (unavailable === null) continue;
    byReason.set(unavailable, [...(byReason.get(unavailable) ?? []), offset]);
  }
  return [...byReason].map(([reason, offsets]) => {
    return `${offsets.length === 1 ? 'line' : 'lines'} ${ranges(offsets)}: ${reason}`;
  });
}

/** Ascending numbers as `0-3, 7`. */
function ranges(numbers: readonly number[]): string {
  const found: [number, number][] = [];
  for (const number of numbers) {
    const last = found.at(-1);
    if (last !== undefined && last[1] === number - 1) last[1] = number;
    else found.push([number, number]);
  }
  return found.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(', ');
}
