import type { Guest } from '../../kernel/lab/guest.js';

/** Round trips a second. */
export interface Rates {
  readonly get: number;
  readonly set: number;
  /** From setting a line to the edge that follows. */
  readonly edge: number;
}

/** Lines of a chip in the guest, and what makes edges on the input where the output does not. */
export interface BenchLines {
  readonly chip: string;
  readonly input: number;
  readonly output: number;
  readonly pullFile?: string;
}

/** Runs test/kernel/programs/gpio-bench.c in the guest. */
export async function measure(guest: Guest, lines: BenchLines, seconds: number): Promise<Rates> {
  const { chip, input, output, pullFile } = lines;
  const args = [`/dev/${chip}`, `${input}`, `${output}`, `${seconds}`];
  const printed = await guest.must(['gpio-bench', ...args, ...(pullFile === undefined ? [] : [pullFile])], {
    limitMs: seconds * 3000 + 30_000,
  });
  return JSON.parse(printed) as Rates;
}
