/** Whether a figure stays where it is, however long the daemon runs. */
export interface Flatness {
  readonly name: string;
  /** Medians of the second and of the last quarter of all samples: the first quarter warms up. */
  readonly early: number;
  readonly late: number;
  readonly allowed: number;
  readonly flat: boolean;
}

/** `slack`: by how much it may have grown, as a part of it and on top of that. */
export function flatness(
  name: string,
  samples: readonly number[],
  slack: { readonly part: number; readonly more: number },
): Flatness {
  const quarter = Math.max(1, Math.floor(samples.length / 4));
  const early = median(samples.slice(quarter, 2 * quarter));
  const late = median(samples.slice(-quarter));
  const allowed = early * (1 + slack.part) + slack.more;
  return { name, early, late, allowed, flat: late <= allowed };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
