const UNITS = [
  ['s', 1e9],
  ['ms', 1e6],
  ['us', 1e3],
] as const;

/** A time with three digits, as the tools write periods: `1.5s`, `208ms`, `40us`. */
export function shortTime(ns: number): string {
  const [unit, factor] = UNITS.find(([, size]) => ns >= size * 0.9995) ?? ['ns', 1];
  return `${digits(ns / factor)}${unit}`;
}

/** A count in at most six characters: `123456`, `1.23M`. */
export function shortCount(count: number): string {
  if (count < 1e6) return String(count);
  return count < 999.5e6 ? `${digits(count / 1e6)}M` : `${digits(count / 1e9)}G`;
}

/** A rate in at most seven characters: `0.2/s`, `150k/s`. */
export function shortRate(perSecond: number): string {
  if (perSecond < 999.5) return `${digits(perSecond)}/s`;
  return perSecond < 999.5e3 ? `${digits(perSecond / 1e3)}k/s` : `${digits(perSecond / 1e6)}M/s`;
}

/** Three digits, without zeros at the end of a fraction. */
function digits(value: number): string {
  if (value >= 99.95) return value.toFixed(0);
  return String(Number(value.toFixed(value >= 9.995 ? 1 : 2)));
}
