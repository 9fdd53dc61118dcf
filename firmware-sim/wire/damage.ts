import type { Random } from '../random.js';
import type { WireFaultCounters, WireFaultState } from './fault-state.js';

/** The damage to bytes in one direction: it draws the distance to the next fault, and so costs nothing between two. */
export class Damage {
  private version: number;
  private untilCorrupt: number;
  private untilDrop: number;

  constructor(
    private readonly faults: WireFaultState,
    private readonly random: Random,
    private readonly counters: WireFaultCounters,
  ) {
    this.version = faults.damageVersion;
    this.untilCorrupt = distance(faults.corrupt, random);
    this.untilDrop = distance(faults.drop, random);
  }

  /** The bytes as they arrive; the ones given are left as they are. */
  apply(bytes: Uint8Array): Uint8Array {
    const { length } = bytes;
    if (this.version !== this.faults.damageVersion) this.drawAgain();
    if (this.untilCorrupt >= length && this.untilDrop >= length) {
      this.untilCorrupt -= length;
      this.untilDrop -= length;
      return bytes;
    }
    return this.drop(this.corrupt(Uint8Array.from(bytes)));
  }

  /** What is left of a geometrically distributed distance is distributed as a new one. */
  private drawAgain(): void {
    this.version = this.faults.damageVersion;
    this.untilCorrupt = distance(this.faults.corrupt, this.random);
    this.untilDrop = distance(this.faults.drop, this.random);
  }

  private corrupt(bytes: Uint8Array): Uint8Array {
    let at = this.untilCorrupt;
    while (at < bytes.length) {
      bytes[at]! ^= 1 + this.random.below(255);
      this.counters.bytes_corrupted++;
      at += 1 + distance(this.faults.corrupt, this.random);
    }
    this.untilCorrupt = at - bytes.length;
    return bytes;
  }

  private drop(bytes: Uint8Array): Uint8Array {
    const kept = new Uint8Array(bytes.length);
    let length = 0;
    let from = 0;
    let at = this.untilDrop;
    while (at < bytes.length) {
      kept.set(bytes.subarray(from, at), length);
      length += at - from;
      from = at + 1;
      this.counters.bytes_dropped++;
      at = from + distance(this.faults.drop, this.random);
    }
    this.untilDrop = at - bytes.length;
    kept.set(bytes.subarray(from), length);
    return kept.subarray(0, length + bytes.length - from);
  }
}

/** Bytes left whole before the next fault: geometrically distributed. */
function distance(probability: number, random: Random): number {
  if (probability <= 0) return Number.POSITIVE_INFINITY;
  if (probability >= 1) return 0;
  return Math.floor(Math.log(1 - random.unit()) / Math.log(1 - probability));
}
