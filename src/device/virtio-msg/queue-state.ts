import type { BusDrop } from './counters.js';

const IDS = 0x1_0000;

/** One virtqueue as SET_VQUEUE made it, and which buffers of it are outstanding. */
export class QueueState {
  /** 0: not set up. */
  size = 0;
  private outstanding = 0;
  /** One bit for each buffer id. */
  private ids: Uint8Array | undefined;

  constructor(readonly maxSize: number) {}

  resize(size: number): void {
    if (size <= this.maxSize) this.size = size;
  }

  /** Marks `id` outstanding; says why it may not be. */
  take(id: number): BusDrop | undefined {
    if (this.outstanding >= this.size) return 'queue_overfull';
    this.ids ??= new Uint8Array(IDS / 8);
    const mask = 1 << (id & 7);
    if ((this.ids[id >> 3]! & mask) !== 0) return 'id_outstanding';
    this.ids[id >> 3]! |= mask;
    this.outstanding++;
    return undefined;
  }

  /** `id` goes back to the driver. */
  give(id: number): void {
    const mask = 1 << (id & 7);
    if (this.ids === undefined || (this.ids[id >> 3]! & mask) === 0) return;
    this.ids[id >> 3]! &= ~mask;
    this.outstanding--;
  }

  forget(): void {
    this.outstanding = 0;
    this.ids?.fill(0);
  }

  reset(): void {
    this.forget();
    this.size = 0;
  }
}
