import type { DriverState, VhostUserDevice, VhostUserQueues } from '../../../src/vhost-user/device.js';

export interface TakenBuffer {
  readonly queue: number;
  readonly id: number;
  readonly inLength: number;
  readonly bytes: Uint8Array;
}

/**
 * A device of no type. Queue 0 returns each buffer at once with its bytes reversed; queue 1 keeps
 * them until a test returns them.
 */
export class EchoDevice implements VhostUserDevice {
  readonly offeredFeatures = 1n;
  readonly maxQueueSizes = [256, 256];
  readonly config = Uint8Array.from({ length: 12 }, (_, i) => i + 1);
  readonly keptLength = 16;
  /** Every call in order: `start`, `reset`, `resetQueue 0`. */
  readonly calls: string[] = [];
  readonly held = new Map<number, TakenBuffer>();
  taken = 0;
  queues: VhostUserQueues | undefined;
  driver: DriverState | undefined;

  acceptsFeatures(): boolean {
    return true;
  }

  start(features: bigint, queues: VhostUserQueues, driver: DriverState): void {
    this.calls.push(driver.resumed ? 'resume' : 'start');
    this.queues = queues;
    this.driver = driver;
    this.features = features;
  }

  features = 0n;

  reset(): void {
    this.calls.push('reset');
    this.held.clear();
    // As a model that is thorough would: the room keeps what it needs of it.
    this.driver?.kept.fill(0);
  }

  resetQueue(queue: number): void {
    this.calls.push(`resetQueue ${queue}`);
    if (queue === 1) this.held.clear();
  }

  bufferAvailable(
    queue: number,
    id: number,
    inLength: number,
    bytes: Uint8Array,
    at: number,
    outLength: number,
  ): void {
    this.taken++;
    const copy = bytes.slice(at, at + outLength);
    if (queue === 0) this.queues!.returnBuffer(0, id, copy.reverse());
    else this.held.set(id, { queue, id, inLength, bytes: copy });
  }

  /** Returns a buffer that is kept. */
  release(id: number, bytes: Uint8Array): void {
    this.held.delete(id);
    this.queues!.returnBuffer(1, id, bytes);
  }
}
