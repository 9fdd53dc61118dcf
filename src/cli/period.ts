import { UsageError } from './errors.js';

const MICROSECONDS: Readonly<Record<string, number>> = { us: 1, ms: 1_000, s: 1_000_000, m: 60_000_000 };
const PERIOD = /^(\d+)(us|ms|s|m)?$/;

/**
 * A period as the tools take it: digits and one of `us`, `ms`, `s`, `m` (minutes), milliseconds where
 * no unit is given. Returns microseconds; throws {@link UsageError} for anything else.
 */
export function parsePeriod(text: string): number {
  const match = PERIOD.exec(text);
  const microseconds = match ? Number(match[1]) * MICROSECONDS[match[2] ?? 'ms'] : Number.NaN;
  if (!Number.isSafeInteger(microseconds)) throw new UsageError(`invalid period: ${text}`);
  return microseconds;
}

/** Periods separated by commas, in microseconds; at least one. */
export function parsePeriods(text: string): number[] {
  return text.split(',').map(parsePeriod);
}

/** An unsigned number as the tools take it, at most 2^31 - 1. */
export function parseUnsigned(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= MAX_INT)) throw new UsageError(`invalid number: '${text}'`);
  return value;
}

/** INT_MAX: line offsets and counts on the command line stay below it. */
export const MAX_INT = 0x7fff_ffff;
