import type { Gap } from '../../src/events/edge-event.js';

/** One line, over the whole soak. */
export interface LineBalance {
  readonly offset: number;
  /** By the coprocessor's own count. */
  readonly sensed: number;
  /** Delivered, or counted as lost. */
  readonly accounted: number;
}

/** At random edges do not come evenly; and in a moment of a gap a few can come together. */
const UNEVEN = 2;
const TOGETHER = 100;

/**
 * What does not add up, in words: more told than was sensed, or less, beyond what can have been sensed in
 * gaps of unknown size. `rate`: edges a second of a line.
 */
export function imbalances(
  lines: readonly LineBalance[],
  gaps: readonly Pick<Gap, 'offset' | 'lost' | 'fromNs' | 'toNs'>[],
  rate: number,
): string[] {
  return lines.flatMap(({ offset, sensed, accounted }) => {
    const missing = sensed - accounted;
    const own = gaps.filter((gap) => gap.lost === null && (gap.offset ?? offset) === offset);
    const seconds = own.reduce((sum, { fromNs, toNs }) => sum + Number(toNs - fromNs) / 1e9, 0);
    const most = UNEVEN * rate * seconds + TOGETHER * own.length;
    if (missing >= 0 && missing <= most) return [];
    const told = `line ${offset}: ${sensed} edges sensed, ${accounted} delivered or counted as lost`;
    return [
      `${told}; gaps of unknown size, ${seconds.toFixed(1)} s in all, can hold some ${Math.round(most)}`,
    ];
  });
}
