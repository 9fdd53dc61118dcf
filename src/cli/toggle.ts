/** What `set` does after the lines were set. Times in microseconds. */
export interface ToggleSequence {
  /** Pauses before each toggling, in order. */
  readonly pauses: readonly number[];
  /** Whether the pauses start over at the end; else the program exits after a last hold period. */
  readonly repeats: boolean;
}

/**
 * The sequence that `-t` asks for: a last period of 0 ends it, otherwise it repeats. No pause is
 * shorter than the hold period.
 */
export function toggleSequence(periods: readonly number[], holdPeriod: number): ToggleSequence {
  const repeats = periods.at(-1) !== 0;
  const pauses = repeats ? periods : periods.slice(0, -1);
  return { pauses: pauses.map((period) => Math.max(period, holdPeriod)), repeats };
}
