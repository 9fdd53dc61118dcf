import type { LogFormat, LogLevel } from '../config/config.js';

/** What a log line says besides its event. */
export type LogFields = Readonly<Record<string, unknown>>;

/** One log line, without its end. `at` is the time of day. */
export function formatLine(
  format: LogFormat,
  at: Date,
  level: LogLevel,
  event: string,
  fields: LogFields,
): string {
  const all = { ts: at.toISOString(), level, event, ...fields };
  const entries = Object.entries(all)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => [key, plain(value)] as const);
  if (format === 'json') return json(Object.fromEntries(entries));
  return entries.map(([key, value]) => `${key}=${quoted(String(value))}`).join(' ');
}

function plain(value: unknown): unknown {
  if (value instanceof Error) return value.message;
  if (typeof value === 'bigint') return value.toString();
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : value;
}

/** Quoted where a reader of key=value pairs needs it; never more than one line. */
function quoted(text: string): string {
  return /^[^\s"=\p{Cc}]+$/u.test(text) ? text : json(text);
}

/** As JSON, with every control character escaped: JSON itself leaves DEL, C1 and Unicode's line ends. */
function json(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\p{Cc}\u2028\u2029]/gu,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
