/**
 * The three Linux clocks this project reads, in nanoseconds. Injected wherever time matters;
 * the real one is `systemClock` in linux/clock.ts, the tests' one is moved by hand.
 */
export interface Clock {
  /** CLOCK_MONOTONIC: stops while the host is suspended. Edge events are stamped in it. */
  monotonicNs(): bigint;
  /** CLOCK_REALTIME: may step. */
  realtimeNs(): bigint;
  /** CLOCK_BOOTTIME: CLOCK_MONOTONIC plus the time spent suspended. */
  boottimeNs(): bigint;
}

/** A timer that was set; opaque. */
export type TimerHandle = object;

/** Timers, injected like {@link Clock}; times are milliseconds and may be fractions. */
export interface Timers {
  set(callback: () => void, delayMs: number): TimerHandle;
  clear(handle: TimerHandle): void;
}

/** Clock and timers that move together. */
export interface Time extends Clock, Timers {}

/** Node's own timers. They keep the process alive while set. */
export const nodeTimers: Timers = {
  set: (callback, delayMs) => setTimeout(callback, Math.max(0, delayMs)),
  clear: (handle) => clearTimeout(handle as NodeJS.Timeout),
};

export const NS_PER_MS = 1_000_000n;
export const NS_PER_S = 1_000_000_000n;
