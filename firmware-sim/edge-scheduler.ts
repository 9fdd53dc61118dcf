import type { DeviceClock } from './device-clock.js';
import type { EdgeSource } from './edge-sources.js';

/** All sources of edges, fired in the order of time over all of them (a binary heap). */
export class EdgeScheduler {
  private readonly heap: EdgeSource[] = [];

  add(source: EdgeSource): void {
    const { heap } = this;
    let at = heap.length;
    heap.push(source);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.nextNs <= source.nextNs) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = source;
  }

  clear(): void {
    for (const source of this.heap) source.close?.();
    this.heap.length = 0;
  }

  get size(): number {
    return this.heap.length;
  }

  /** When the next edge happens, ns of world time; Infinity where none ever does. */
  get nextNs(): number {
    return this.heap.length === 0 ? Number.POSITIVE_INFINITY : this.heap[0]!.nextNs;
  }

  /**
   * Makes the edges up to `untilNs`, at most `budget` of them, stamped by `clock`.
   * Returns how many it made.
   */
  run(untilNs: number, clock: DeviceClock, budget: number): number {
    const { heap } = this;
    let made = 0;
    while (made < budget && heap.length > 0) {
      const source = heap[0]!;
      const { nextNs } = source;
      if (nextNs > untilNs) break;
      source.fire(clock.at(nextNs));
      made++;
      if (source.nextNs === Number.POSITIVE_INFINITY) this.removeTop();
      else this.sink(source);
    }
    return made;
  }

  private removeTop(): void {
    const last = this.heap.pop()!;
    if (this.heap.length === 0) return;
    this.heap[0] = last;
    this.sink(last);
  }

  /** Moves the source at the top, whose time grew, to its place. */
  private sink(source: EdgeSource): void {
    const { heap } = this;
    const { length } = heap;
    const { nextNs } = source;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= length) break;
      if (child + 1 < length && heap[child + 1]!.nextNs < heap[child]!.nextNs) child++;
      if (heap[child]!.nextNs >= nextNs) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = source;
  }
}
