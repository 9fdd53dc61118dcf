import type { WireFault } from '../fault.js';

interface Stall {
  /** Moment of the wire's clock from which periods are counted, ns. */
  readonly fromNs: number;
  readonly periodNs: number;
  readonly lengthNs: number;
}

/** What is wrong with the wire at present; each direction of each stream looks here. */
export class WireFaultState {
  /** Probabilities: for each byte; for `duplicate` for each frame. */
  corrupt = 0;
  drop = 0;
  duplicate = 0;
  delayNs = 0;
  /** Changes with `corrupt` and `drop`: distances to the next fault are drawn anew. */
  damageVersion = 0;
  private stall: Stall | undefined;

  /** From `nowNs` of the wire's clock on; the last of a kind counts. */
  set(fault: WireFault, nowNs: number): void {
    switch (fault.kind) {
      case 'corrupt':
      case 'drop':
        this[fault.kind] = fault.probability;
        this.damageVersion++;
        break;
      case 'duplicate':
        this.duplicate = fault.probability;
        break;
      case 'delay':
        this.delayNs = fault.delayNs;
        break;
      case 'stall':
        this.stall = fault.lengthNs === 0 ? undefined : { ...fault, fromNs: nowNs };
        break;
    }
  }

  /** The wire is sound again. */
  clear(): void {
    this.corrupt = 0;
    this.drop = 0;
    this.duplicate = 0;
    this.delayNs = 0;
    this.stall = undefined;
    this.damageVersion++;
  }

  /** Whether bytes may arrive later than they were sent. */
  get isSlow(): boolean {
    return this.delayNs > 0 || this.stall !== undefined;
  }

  /** When nothing passes at `ns`: the moment from which it does again; otherwise `ns`. */
  afterStall(ns: number): number {
    if (this.stall === undefined) return ns;
    const { fromNs, periodNs, lengthNs } = this.stall;
    const round = Math.floor((ns - fromNs) / periodNs);
    const begunNs = fromNs + round * periodNs;
    return round >= 1 && ns < begunNs + lengthNs ? begunNs + lengthNs : ns;
  }
}

/** What wire faults did so far, over all streams and both directions. */
export interface WireFaultCounters {
  bytes_corrupted: number;
  bytes_dropped: number;
  frames_duplicated: number;
  /** Bytes that came late because of `delay`. */
  bytes_delayed: number;
  /** Bytes that a stall held up. */
  bytes_stalled: number;
  /** Bytes thrown away because too many were under way already. */
  bytes_overrun: number;
}

export function newWireFaultCounters(): WireFaultCounters {
  return {
    bytes_corrupted: 0,
    bytes_dropped: 0,
    frames_duplicated: 0,
    bytes_delayed: 0,
    bytes_stalled: 0,
    bytes_overrun: 0,
  };
}
