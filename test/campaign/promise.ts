import type { CellResult } from './run-cell.js';
import { accountedFor } from './verdict.js';

/** What is allowed where a promise has no number of its own. */
export interface CellLimits {
  /** By how much a gap of unknown size may be longer than what was away: the firmware is set up again. */
  readonly gapMs: number;
  /** Of the daemon's resident memory, at most. */
  readonly peakBytes: number;
}

export const LIMITS: CellLimits = { gapMs: 3_000, peakBytes: 128 * 2 ** 20 };

/** What a cell's result breaks of the promise (docs/architecture.md, "What is promised about events"), in words. */
export function broken(result: CellResult, limits: CellLimits = LIMITS): string[] {
  const { cell, edges, verdict, counts, peakRssBytes, unrecovered } = result;
  const none = (what: string, value: number): string[] => (value === 0 ? [] : [`${value} ${what}`]);
  const counting = [
    ...none('edges lost without a trace', verdict.lostWithoutTrace),
    ...none('restarts that are not in one gap', verdict.uncoveredRestarts),
    ...none('gaps of unknown size without a restart in them', verdict.gapsOfNothing),
    ...(cell.forgets === true ? [] : none('edges in gaps of unknown size', verdict.uncounted)),
    ...(verdict.worstGapNs <= limits.gapMs * 1e6
      ? []
      : [`a gap of unknown size that is ${(verdict.worstGapNs / 1e6).toFixed(0)} ms longer than the outage`]),
    ...(cell.losesCounted === true && verdict.countedLost === 0 ? ['nothing was counted as lost'] : []),
  ];
  return [
    ...(cell.copies === true ? [] : none('edges invented', verdict.invented)),
    ...(cell.copies === true ? [] : none('edges delivered twice', verdict.duplicated)),
    ...none('edges out of order', verdict.outOfOrder),
    ...none('edges counted as lost that never happened', verdict.overcounted),
    ...none('wrong levels that nothing reports', verdict.wrongLevels),
    ...none('lines whose level is not known in the end', verdict.unknownLevels),
    ...none('times outside of their bound', verdict.beyondBound),
    ...(counts ? counting : []),
    ...none('edges that the figures do not add up to', edges - accountedFor(verdict)),
    ...none('disturbances after which nothing came', unrecovered),
    ...(verdict.delivered === 0 ? ['nothing was delivered'] : []),
    ...(peakRssBytes <= limits.peakBytes
      ? []
      : [`${(peakRssBytes / 2 ** 20).toFixed(0)} MB of resident memory`]),
  ];
}
