import type { Time, TimerHandle } from '../../src/base/clock.js';
import type { WireFaultCounters, WireFaultState } from './fault-state.js';

/** Takes what arrives; `arrivedNs` is CLOCK_MONOTONIC. */
export type Arrival = (bytes: Uint8Array, arrivedNs: bigint) => void;

interface UnderWay {
  readonly bytes: Uint8Array;
  readonly dueNs: number;
}

/** The most that one direction has under way, each piece reckoned with what it takes to keep it. */
export const MAX_UNDER_WAY = 1024 * 1024;
const PIECE_OVERHEAD = 128;

/**
 * One direction of a wire on which bytes take time. They arrive in their order, whatever changes
 * meanwhile, to the precision of timers (about a millisecond late). What is too much is thrown
 * away and counted, as a full FIFO does.
 */
export class DelayLine {
  private queue: UnderWay[] = [];
  private head = 0;
  private held = 0;
  private lastDueNs = 0;
  private timer: TimerHandle | undefined;
  private closed = false;

  constructor(
    private readonly faults: WireFaultState,
    private readonly time: Time,
    private readonly counters: WireFaultCounters,
    private readonly arrive: Arrival,
  ) {}

  /** Bytes on their way, and what keeping them takes. */
  get underWay(): number {
    return this.held;
  }

  /** Sends bytes, which are copied where they have to wait. */
  push(bytes: Uint8Array, sentNs: bigint): void {
    if (this.held === 0 && !this.faults.isSlow) {
      this.arrive(bytes, sentNs);
      return;
    }
    const nowNs = Number(this.time.monotonicNs());
    const arrivalNs = nowNs + this.faults.delayNs;
    const passesNs = this.faults.afterStall(arrivalNs);
    const dueNs = Math.max(this.lastDueNs, passesNs);
    if (this.held === 0 && dueNs <= nowNs) {
      this.arrive(bytes, sentNs);
      return;
    }
    const size = bytes.length + PIECE_OVERHEAD;
    if (this.held + size > MAX_UNDER_WAY) {
      this.counters.bytes_overrun += bytes.length;
      return;
    }
    if (this.faults.delayNs > 0) this.counters.bytes_delayed += bytes.length;
    if (passesNs > arrivalNs) this.counters.bytes_stalled += bytes.length;
    this.lastDueNs = dueNs;
    this.held += size;
    this.queue.push({ bytes: Uint8Array.from(bytes), dueNs });
    if (this.timer === undefined && !this.closed) this.wait(nowNs);
  }

  /** What is under way is lost. */
  close(): void {
    this.closed = true;
    if (this.timer !== undefined) this.time.clear(this.timer);
    this.timer = undefined;
    this.queue = [];
    this.head = 0;
    this.held = 0;
  }

  private wait(nowNs: number): void {
    this.timer = this.time.set(
      () => {
        this.timer = undefined;
        this.deliver();
      },
      Math.max(0, this.queue[this.head]!.dueNs - nowNs) / 1e6,
    );
  }

  private deliver(): void {
    const arrivedNs = this.time.monotonicNs();
    const nowNs = Number(arrivedNs);
    while (this.head < this.queue.length && this.queue[this.head]!.dueNs <= nowNs) {
      const { bytes } = this.queue[this.head++]!;
      this.held -= bytes.length + PIECE_OVERHEAD;
      this.arrive(bytes, arrivedNs);
      if (this.closed) return;
    }
    if (this.head === this.queue.length || this.head > 1024) {
      this.queue.splice(0, this.head);
      this.head = 0;
    }
    if (this.queue.length > 0 && this.timer === undefined) this.wait(nowNs);
  }
}
