import type { EventClock } from '../../events/edge-event.js';
import type { Watched } from './sink.js';

/** CLOCK_MONOTONIC and CLOCK_REALTIME as far as Node has them without foreign calls; the latter in ms. */
export interface WatchClock {
  monotonicNs(): bigint;
  realtimeNs(): bigint;
}

export const watchClock: WatchClock = {
  monotonicNs: () => process.hrtime.bigint(),
  realtimeNs: () => BigInt(Date.now()) * 1_000_000n,
};

/**
 * Nanoseconds since watching began, as numbers: exact for a hundred days. Edges carry their time in
 * the clock that was asked for, gaps and chip states in CLOCK_MONOTONIC.
 */
export class TimeAxis {
  readonly #clock: EventClock;
  readonly #originNs: bigint;
  readonly #source: WatchClock;

  constructor({ clock, startNs, startRealtimeNs }: Watched, source: WatchClock) {
    this.#clock = clock;
    this.#originNs = clock === 'realtime' ? startRealtimeNs : startNs;
    this.#source = source;
  }

  ofEdge(timestampNs: bigint): number {
    return Number(timestampNs - this.#originNs);
  }

  ofMonotonic(monotonicNs: bigint): number {
    const stepNs = this.#clock === 'realtime' ? this.#source.realtimeNs() - this.#source.monotonicNs() : 0n;
    return Number(monotonicNs + stepNs - this.#originNs);
  }

  now(): number {
    return this.ofMonotonic(this.#source.monotonicNs());
  }
}
