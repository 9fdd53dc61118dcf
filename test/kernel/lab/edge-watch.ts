import { join } from 'node:path';
import { ROOT } from '../../support/root.js';
import type { Guest } from './guest.js';
import type { GuestProcess } from './guest-process.js';

/** What came of one line: edges, those counted as lost, gaps of unknown size, times that went back. */
export interface WatchedLine {
  readonly edges: number;
  readonly lost: number;
  readonly unknown: number;
  readonly disordered: number;
}

/** Lines that a program in the guest watches on both edges (test/kernel/guest/watch-edges.mjs). */
export class EdgeWatch {
  private readonly changes = { up: 0, down: 0 };

  private constructor(readonly process: GuestProcess) {}

  /** Resolves when the lines are watched. `every`: so many edges it says how many there were. */
  static async start(
    guest: Guest,
    chip: string,
    offsets: readonly number[],
    every = 1_000,
  ): Promise<EdgeWatch> {
    const script = join(ROOT, 'test/kernel/guest/watch-edges.mjs');
    const process = guest.start(['node', script, chip, String(every), ...offsets.map(String)]);
    await process.waitFor(/"watching"/);
    return new EdgeWatch(process);
  }

  /** Edges so far, in steps of `every`. */
  get edges(): number {
    return Number([...this.process.stdout.matchAll(/"edges":(\d+)}$/gm)].at(-1)?.[1] ?? 0);
  }

  /** Waits until the chip went up, or down, once more than at the last call. */
  async chipGoes(state: 'up' | 'down'): Promise<void> {
    const times = ++this.changes[state];
    await this.process.waitFor(new RegExp(`("chip":"${state}"[\\s\\S]*?){${times}}`));
  }

  /** Gives the lines back and waits for the last event. */
  async stop(limitMs?: number): Promise<ReadonlyMap<number, WatchedLine>> {
    this.process.end();
    await this.process.waitFor(/"lines"/, limitMs);
    const { lines } = JSON.parse(this.process.stdout.trimEnd().split('\n').at(-1)!);
    return new Map(Object.entries(lines).map(([offset, line]) => [Number(offset), line as WatchedLine]));
  }
}
