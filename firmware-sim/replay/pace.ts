import { BridgeError } from '../../src/base/errors.js';

/** How fast a trace is played: 1 is its own pace, 2 twice as fast, Infinity without any pause. */
export type Pace = number;

const FASTEST = 1e6;
const SLOWEST = 1e-3;

/** `fast`, or a number such as 2 or 0.5. Throws INVALID_ARGUMENT. */
export function parsePace(text: string): Pace {
  if (text === 'fast') return Number.POSITIVE_INFINITY;
  const pace = /^\d{1,7}(\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
  if (pace >= SLOWEST && pace <= FASTEST) return pace;
  throw new BridgeError('INVALID_ARGUMENT', `pace '${text}': give 'fast', or a number from 0.001 to 1000000`);
}

/**
 * How far the clocks of a replay are ahead of the trace's, so that no event is later than now: at a
 * faster pace the last event happens just now, and the earlier ones before, as far apart as they were.
 */
export function headStartNs(pace: Pace, startNs: bigint, endNs: bigint): bigint {
  const share = pace <= 1 ? 0 : 1 - 1 / pace;
  return BigInt(Math.ceil(Number(endNs - startNs) * share));
}
