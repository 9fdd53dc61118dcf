/** What became of the edges of a cell, against what happened. Figures of lines are summed over them. */
export interface Verdict {
  delivered: number;
  /** Edges that a number tells of. */
  countedLost: number;
  /** Of those, edges that never happened. */
  overcounted: number;
  /** Edges inside a gap of unknown size, or before an edge whose loss cannot be known. */
  uncounted: number;
  lostWithoutTrace: number;
  invented: number;
  duplicated: number;
  outOfOrder: number;
  /** Levels that a gap told and the pin did not have, and last levels that are not that of the pin. */
  wrongLevels: number;
  /** Lines whose level is not known in the end, by what the events told. */
  unknownLevels: number;
  /** Greatest distance of a time from the edge, ns; of edges that the device stamped. */
  worstErrorNs: number;
  /** Greatest bound stated with such a time, but for those of a host that slept. */
  worstBoundNs: number;
  /** Times outside of their own bound. */
  beyondBound: number;
  /** Longest from an edge to its arrival, ns. */
  worstWaitNs: number;
  /** Restarts of the firmware that do not lie in exactly one gap of unknown size. */
  uncoveredRestarts: number;
  /** Gaps of unknown size in which nothing restarted. */
  gapsOfNothing: number;
  /** By how much a gap of unknown size was longer than what it covers, at most, ns. */
  worstGapNs: number;
}

export function newVerdict(): Verdict {
  return {
    delivered: 0,
    countedLost: 0,
    overcounted: 0,
    uncounted: 0,
    lostWithoutTrace: 0,
    invented: 0,
    duplicated: 0,
    outOfOrder: 0,
    wrongLevels: 0,
    unknownLevels: 0,
    worstErrorNs: 0,
    worstBoundNs: 0,
    beyondBound: 0,
    worstWaitNs: 0,
    uncoveredRestarts: 0,
    gapsOfNothing: 0,
    worstGapNs: 0,
  };
}

/** Edges of which the verdict says what became of them: all that happened, or the judge is wrong itself. */
export function accountedFor(verdict: Verdict): number {
  const { delivered, invented, duplicated, countedLost, overcounted, uncounted, lostWithoutTrace } = verdict;
  return delivered - invented - duplicated + countedLost - overcounted + uncounted + lostWithoutTrace;
}
