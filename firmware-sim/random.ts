/** A seeded generator (xorshift128), so that a run with one seed makes the same edges and faults again. */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private d: number;

  /** Any integer; the same seed gives the same numbers. */
  constructor(seed: number) {
    let state = seed >>> 0;
    const next = () => {
      state = (state + 0x9e3779b9) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
      mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
      return (mixed ^ (mixed >>> 15)) >>> 0;
    };
    this.a = next();
    this.b = next();
    this.c = next();
    this.d = next() | 1;
  }

  /** 0 .. 2^32 - 1 */
  uint32(): number {
    let t = this.d;
    const s = this.a;
    this.d = this.c;
    this.c = this.b;
    this.b = s;
    t ^= t << 11;
    t ^= t >>> 8;
    this.a = t ^ s ^ (s >>> 19);
    return this.a >>> 0;
  }

  /** 0 <= x < 1 */
  unit(): number {
    return this.uint32() / 0x1_0000_0000;
  }

  /** 0 .. below - 1 */
  below(below: number): number {
    return Math.floor(this.unit() * below);
  }

  /** Exponentially distributed with this mean: the pause between events of a Poisson process. */
  exponential(mean: number): number {
    return -Math.log(1 - this.unit()) * mean;
  }
}
