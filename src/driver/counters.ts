/** Counters by name in snake_case; they only ever grow. */
export class Counters {
  readonly values: Record<string, number> = {};

  /** Counters named here show from the start, with 0. */
  constructor(names: readonly string[]) {
    for (const name of names) this.values[name] = 0;
  }

  count(name: string, by = 1): void {
    this.values[name] = (this.values[name] ?? 0) + by;
  }
}
