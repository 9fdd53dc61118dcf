import type { Verdict } from './verdict.js';

/** ns since the epoch. */
export interface Span {
  readonly fromNs: number;
  readonly toNs: number;
}

/** A restart of the firmware, and the time in which it, or its port, was away. */
export interface Outage extends Span {
  readonly restartNs: number;
}

/**
 * Holds the gaps of unknown size of one line against the restarts: each restart lies in exactly one, and no
 * gap is there for anything else, or covers much more time than the outages in it.
 */
export function judgeGaps(gaps: readonly Span[], outages: readonly Outage[], verdict: Verdict): void {
  const holds = (gap: Span, { restartNs }: Outage): boolean =>
    gap.fromNs <= restartNs && restartNs <= gap.toNs;
  for (const outage of outages) {
    if (gaps.filter((gap) => holds(gap, outage)).length !== 1) verdict.uncoveredRestarts++;
  }
  for (const gap of gaps) {
    const held = outages.filter((outage) => holds(gap, outage));
    if (held.length === 0) {
      verdict.gapsOfNothing++;
      continue;
    }
    const from = Math.min(...held.map(({ fromNs }) => fromNs));
    const to = Math.max(...held.map(({ toNs }) => toNs));
    verdict.worstGapNs = Math.max(verdict.worstGapNs, gap.toNs - gap.fromNs - (to - from));
  }
}
