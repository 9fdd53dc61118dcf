import { BridgeError } from '../src/base/errors.js';

const UNITS: Readonly<Record<string, number>> = { us: 1e3, ms: 1e6, s: 1e9 };

/** Parses `20us`, `2ms`, `1.5s` into whole nanoseconds; throws INVALID_ARGUMENT with `what` in it. */
export function parsePeriod(text: string, what: string): number {
  const match = /^(\d+(?:\.\d+)?)(us|ms|s)$/.exec(text);
  if (match === null) {
    throw new BridgeError('INVALID_ARGUMENT', `${what}: '${text}' is no period: write 20us, 2ms or 1.5s`);
  }
  const ns = Math.round(Number(match[1]) * UNITS[match[2]!]!);
  if (ns < 1000 || ns > 3_600e9) {
    throw new BridgeError('INVALID_ARGUMENT', `${what}: '${text}' is out of range: from 1us to 3600s`);
  }
  return ns;
}
