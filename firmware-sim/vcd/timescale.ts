/** Femtoseconds of each unit of a `$timescale`. */
const UNITS: Readonly<Record<string, bigint>> = {
  s: 1_000_000_000_000_000n,
  ms: 1_000_000_000_000n,
  us: 1_000_000_000n,
  ns: 1_000_000n,
  ps: 1_000n,
  fs: 1n,
};
const FS_PER_NS = 1_000_000n;

/** How times of a Value Change Dump become nanoseconds. */
export class Timescale {
  private constructor(private readonly femtoseconds: bigint) {}

  /** Parses `1ns`, `10 us`, `100ps`; undefined for anything else. */
  static parse(text: string): Timescale | undefined {
    const match = /^(1|10|100)\s*(s|ms|us|ns|ps|fs)$/.exec(text);
    return match === null ? undefined : new Timescale(BigInt(match[1]!) * UNITS[match[2]!]!);
  }

  /** Whole nanoseconds, rounded down. */
  nanoseconds(ticks: bigint): bigint {
    return (ticks * this.femtoseconds) / FS_PER_NS;
  }
}
