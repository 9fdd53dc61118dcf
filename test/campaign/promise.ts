import type { CellResult } from './run-cell.js';

/** What a cell's result breaks of the promise (docs/architecture.md, "What is promised about events"), in words. */
export function broken({ cell, verdict, counts }: CellResult): string[] {
  const none = (what: string, value: number): string[] => (value === 0 ? [] : [`${value} ${what}`]);
  return [
    ...none('edges invented', verdict.invented),
    ...none('edges delivered twice', verdict.duplicated),
    ...none('edges out of order', verdict.outOfOrder),
    ...none('wrong levels that nothing reports', verdict.wrongLevels),
    ...none('times outside of their bound', verdict.beyondBound),
    ...(counts ? none('edges lost without a trace', verdict.lostWithoutTrace) : []),
    ...(counts && cell.forgets !== true ? none('edges in gaps of unknown size', verdict.uncounted) : []),
    ...(counts ? none('restarts that are not in one gap', verdict.uncoveredRestarts) : []),
    ...(verdict.delivered === 0 ? ['nothing was delivered'] : []),
  ];
}
