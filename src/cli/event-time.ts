const NS_PER_S = 1_000_000_000n;

/** How an event's time is printed: seconds of its clock, or a date. */
export type TimeStyle = 'seconds' | 'utc' | 'local';

/**
 * A time in nanoseconds as `SECONDS.NNNNNNNNN`, `YYYY-MM-DDTHH:MM:SS.NNNNNNNNNZ` (UTC), or the same
 * in local time without the Z.
 */
export function formatTime(timestampNs: bigint, style: TimeStyle): string {
  const seconds = timestampNs / NS_PER_S;
  const fraction = String(timestampNs % NS_PER_S).padStart(9, '0');
  if (style === 'seconds') return `${seconds}.${fraction}`;
  const date = new Date(Number(seconds) * 1_000);
  if (style === 'utc') return `${date.toISOString().slice(0, -5)}.${fraction}Z`;
  return `${localDate(date)}.${fraction}`;
}

function localDate(date: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
