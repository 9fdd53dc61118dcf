/** Pauses between attempts: each about twice the one before, with jitter, between two bounds. */
export interface BackOff {
  /** Milliseconds to wait now. */
  readonly pauseMs: number;
  /** For the attempt after this one. */
  readonly next: BackOffState;
}

/** How many attempts failed in a row. */
export type BackOffState = number;

export const FIRST_ATTEMPT: BackOffState = 0;

/** `random` as Math.random: the pause lies between half and all of its nominal length. */
export function backOff(
  failures: BackOffState,
  bounds: { readonly minMs: number; readonly maxMs: number },
  random: number,
): BackOff {
  // 2^30 times the shortest is beyond any longest; more would overflow in the end.
  const nominal = Math.min(bounds.maxMs, bounds.minMs * 2 ** Math.min(failures, 30));
  return { pauseMs: Math.max(bounds.minMs, nominal * (0.5 + random / 2)), next: failures + 1 };
}
