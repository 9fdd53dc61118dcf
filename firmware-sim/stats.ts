/** What became of the edges of one line, since the simulator started. */
export interface LineStats {
  readonly controller: number;
  readonly line: number;
  readonly name: string;
  /** Edges of the enabled type while the interrupt was enabled: what `seq` counts, over all enablings. */
  readonly sensed: number;
  /** Handed to the channel. One that the channel then lost shows to the driver as a jump of `seq`. */
  readonly delivered: number;
  /** Waiting in the coprocessor just now. */
  readonly kept: number;
  /** Lost because no more could be kept. */
  readonly overflowed: number;
  /** Kept, and thrown away when the interrupt was disabled, or by a reset or restart. */
  readonly discarded: number;
}

/** Sums over lines; `sensed == delivered + kept + overflowed + discarded`, here as in each line. */
export type EdgeTotals = Omit<LineStats, 'controller' | 'line' | 'name'>;

/** What a simulated coprocessor counted since it was made, over all its boots. */
export interface CoprocessorStats {
  readonly bootId: number;
  /** Starts of the firmware, the first included. */
  readonly boots: number;
  /** Every line of every controller. */
  readonly lines: readonly LineStats[];
  readonly total: EdgeTotals;
  /** Messages of the bus, and those dropped by cause. */
  readonly bus: Readonly<Record<string, number>>;
  /** Frames and bytes of all links served, faults made included. */
  readonly wire: Readonly<Record<string, number>>;
}

export function totals(lines: readonly EdgeTotals[]): EdgeTotals {
  const total = { sensed: 0, delivered: 0, kept: 0, overflowed: 0, discarded: 0 };
  for (const line of lines) {
    total.sensed += line.sensed;
    total.delivered += line.delivered;
    total.kept += line.kept;
    total.overflowed += line.overflowed;
    total.discarded += line.discarded;
  }
  return total;
}

/** Adds the numbers of `counters` to `sum`, by name. */
export function addCounters(sum: Record<string, number>, counters: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(counters)) sum[name] = (sum[name] ?? 0) + value;
}
