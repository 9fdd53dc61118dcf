import type { Time, TimerHandle } from '../../src/base/clock.js';

/** The most answers under way; drivers that ask one thing at a time never have so many. */
export const MAX_LATE = 4096;

/** Answers that leave later than they came about, in their order, to the precision of timers. */
export class LateAnswers {
  private queue: { readonly packet: Uint8Array; readonly dueNs: number }[] = [];
  private timer: TimerHandle | undefined;

  constructor(
    private readonly time: Time,
    private readonly leave: (packet: Uint8Array) => void,
  ) {}

  /** Whether any is under way: those that come now have to wait behind it. */
  get underWay(): boolean {
    return this.queue.length > 0;
  }

  /** False when there are too many already. */
  push(packet: Uint8Array, delayNs: number): boolean {
    if (this.queue.length >= MAX_LATE) return false;
    const dueNs = Math.max(this.now() + delayNs, this.queue.at(-1)?.dueNs ?? 0);
    this.queue.push({ packet, dueNs });
    if (this.timer === undefined) this.wait();
    return true;
  }

  /** Those under way are lost. */
  clear(): void {
    if (this.timer !== undefined) this.time.clear(this.timer);
    this.timer = undefined;
    this.queue = [];
  }

  private now(): number {
    return Number(this.time.monotonicNs());
  }

  private wait(): void {
    this.timer = this.time.set(
      () => {
        this.timer = undefined;
        this.deliver();
      },
      Math.max(0, this.queue[0]!.dueNs - this.now()) / 1e6,
    );
  }

  private deliver(): void {
    const nowNs = this.now();
    let due = 0;
    while (due < this.queue.length && this.queue[due]!.dueNs <= nowNs) due++;
    for (const { packet } of this.queue.splice(0, due)) this.leave(packet);
    if (this.queue.length > 0 && this.timer === undefined) this.wait();
  }
}
