/** Whether a figure stays where it is, however long the daemon runs. */
export interface Flatness {
  readonly name: string;
  /** Medians of the second and of the last quarter of all samples: the first quarter warms up. */
  readonly early: number;
  readonly late: number;
  readonly allowed: number;
  /** `unknown`: there are too few samples to tell. */
  readonly verdict: 'flat' | 'grows' | 'unknown';
}

/** A quarter of fewer would be one sample, or the warm-up. */
const FEWEST = 8;

/** `slack`: by how much it may have grown, as a part of it and on top of that. */
export function flatness(
  name: string,
  samples: readonly number[],
  slack: { readonly part: number; readonly more: number },
): Flatness {
  const isEnough = samples.length >= FEWEST;
  const quarter = Math.floor(samples.length / 4);
  const early = median(isEnough ? samples.slice(quarter, 2 * quarter) : samples.slice(0, 1));
  const late = median(isEnough ? samples.slice(-quarter) : samples.slice(-1));
  const allowed = early * (1 + slack.part) + slack.more;
  const verdict = !isEnough ? 'unknown' : late <= allowed ? 'flat' : 'grows';
  return { name, early, late, allowed, verdict };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
