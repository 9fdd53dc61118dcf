const NS_PER_MS = 1_000_000n;

/** Beyond this somebody has set the clock since the program started; then milliseconds must do. */
const CLOCK_WAS_SET_NS = 2n * NS_PER_MS;

/**
 * A time of CLOCK_MONOTONIC as CLOCK_REALTIME, by what the two show now. Node tells the time of day
 * in milliseconds only, but the moment of its own start in microseconds.
 */
export function monotonicToRealtime(monotonicNs: bigint): bigint {
  const nowNs = process.hrtime.bigint();
  const coarse = BigInt(Date.now()) * NS_PER_MS - nowNs;
  const startNs = BigInt(Math.round(performance.timeOrigin * 1e6));
  const fine = startNs + BigInt(Math.round(performance.now() * 1e6)) - process.hrtime.bigint();
  const difference = fine > coarse ? fine - coarse : coarse - fine;
  return monotonicNs + (difference < CLOCK_WAS_SET_NS ? fine : coarse);
}
