import type { DeviceClock, InterruptItem } from '../remote-gpio.js';

/** Signs of life of a coprocessor, CLOCK_MONOTONIC. */
export interface Heard {
  /** When the last question was asked that was answered. */
  readonly askedNs: bigint;
  /** When anything came last, be it from before the question. */
  readonly heardNs: bigint;
}

/** A line that delivered an edge less than this before the newest of all may have kept further ones. */
const BUSY_NS = 2_000_000_000n;

/**
 * Up to when it is known that nothing was lost, should a controller now be gone with what it kept.
 * What was last read does not tell: it may have waited in a buffer of the kernel since before the
 * firmware died. Edges tell by their own times, as those of a line come in their order; a line that
 * was short of buffers may be behind the others.
 */
export class LastGood {
  /** Device time of the last edge of each line. */
  private lastEdges: (bigint | undefined)[] = [];

  /** These were handed on, in the order of the wire. */
  handedOn(items: readonly InterruptItem[]): void {
    for (const item of items) {
      if (item.kind === 'edge' && item.deviceNs !== null) this.lastEdges[item.line] = item.deviceNs;
    }
  }

  /** CLOCK_MONOTONIC. Where edges have no time of their own, when they came is all that is known. */
  at(clock: DeviceClock | undefined, { askedNs, heardNs }: Heard): bigint {
    if (clock === undefined) return heardNs;
    const times = this.lastEdges.flatMap((deviceNs) => earliest(clock, deviceNs));
    const newestNs = max([askedNs, ...times]);
    const busy = times.filter((timeNs) => newestNs - timeNs < BUSY_NS);
    return min([newestNs, heardNs, ...busy]);
  }

  /** The device's clock begins anew. */
  restarted(): void {
    this.lastEdges = [];
  }
}

/** The earliest moment at which an edge of that device time can have happened. */
function earliest(clock: DeviceClock, deviceNs: bigint | undefined): bigint[] {
  const time = deviceNs === undefined ? undefined : clock.toHost(deviceNs);
  return time === undefined ? [] : [time.monotonicNs - BigInt(Math.ceil(time.uncertaintyNs))];
}

/** Math.max and Math.min take no bigint. */
function max(values: readonly bigint[]): bigint {
  return values.reduce((most, value) => {
    if (value > most) return value;
    return most;
  });
}

function min(values: readonly bigint[]): bigint {
  return values.reduce((least, value) => {
    if (value < least) return value;
    return least;
  });
}
