import { BridgeError } from '../src/base/errors.js';

const UNITS: Readonly<Record<string, number>> = { us: 1e3, ms: 1e6, s: 1e9 };
const LONGEST_PERIOD_S = 3_600;
/** A week. */
const LONGEST_DURATION_S = 604_800;

/** Parses `20us`, `2ms`, `1.5s` into whole nanoseconds; throws INVALID_ARGUMENT, with `what: ` before it where given. */
export function parsePeriod(text: string, what?: string): number {
  const ns = nanoseconds(text, what, 'period');
  if (ns < 1000 || ns > LONGEST_PERIOD_S * 1e9) {
    const range = `from 1us to ${LONGEST_PERIOD_S}s`;
    throw refused(what, `'${text}' is out of range: ${range}`);
  }
  return ns;
}

/** As {@link parsePeriod}, from 0s to a week: how long something takes, or when it begins. */
export function parseDuration(text: string, what?: string): number {
  const ns = nanoseconds(text, what, 'time');
  if (ns > LONGEST_DURATION_S * 1e9) {
    const range = `from 0s to ${LONGEST_DURATION_S}s`;
    throw refused(what, `'${text}' is out of range: ${range}`);
  }
  return ns;
}

function nanoseconds(text: string, what: string | undefined, noun: string): number {
  const match = /^(\d+(?:\.\d+)?)(us|ms|s)$/.exec(text);
  if (match === null) {
    throw refused(what, `'${text}' is no ${noun}: write 20us, 2ms or 1.5s`);
  }
  return Math.round(Number(match[1]) * UNITS[match[2]!]!);
}

function refused(what: string | undefined, why: string): BridgeError {
  return new BridgeError('INVALID_ARGUMENT', what === undefined ? why : `${what}: ${why}`);
}
