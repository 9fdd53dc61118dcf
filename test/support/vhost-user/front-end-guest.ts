import { EVENTQ } from '../../../src/wire/virtio-gpio.js';
import { until } from '../../contract/packet-link.js';
import { DriverQueue } from './driver-queue.js';
import { FrontEnd, INDIRECT_DESC, VERSION_1 } from './front-end.js';
import { SharedGuestMemory } from './guest-memory.js';

const QUEUE_SIZE = 64;

/** A guest with a virtio-gpio driver, by hand: memory, two queues, and the hypervisor that connects them. */
export class FrontEndGuest {
  readonly requests: DriverQueue;
  readonly events: DriverQueue;
  private front: FrontEnd | undefined;

  constructor(
    readonly socket: string,
    readonly memory = new SharedGuestMemory(),
  ) {
    this.requests = this.queue(0);
    this.events = this.queue(1);
  }

  get isConnected(): boolean {
    return this.front !== undefined && !this.front.isHungUp;
  }

  /**
   * A hypervisor connects and its guest's driver starts its queues. `features` of the device type are those that the
   * hypervisor tells of: none by default, as QEMU 7.2 keeps F_IRQ to itself.
   */
  async connect(bases: readonly number[] = [], features = 0n): Promise<FrontEnd> {
    this.front = new FrontEnd(this.socket);
    await this.front.negotiate(VERSION_1 | INDIRECT_DESC | features);
    await this.front.setMemory(this.memory);
    await this.front.startQueues([this.requests, this.events], bases);
    return this.front;
  }

  /** As QEMU does after its connection broke: from what was used. */
  reconnect(): Promise<FrontEnd> {
    const used = (queue: DriverQueue) => this.memory.view(queue.usedAt, 4).getUint16(2, true);
    return this.connect([used(this.requests), used(this.events)]);
  }

  disconnect(): void {
    this.front?.close();
    this.front = undefined;
  }

  /** Waits for the next buffers that come back on a queue. */
  async returned(queue: number, count = 1) {
    const ring = queue === EVENTQ ? this.events : this.requests;
    const found = ring.used();
    await until(() => {
      found.push(...ring.used());
      return found.length >= count;
    });
    return found;
  }

  close(): void {
    this.disconnect();
    for (const queue of [this.requests, this.events]) queue.close();
    this.memory.close();
  }

  private queue(index: number): DriverQueue {
    return new DriverQueue(
      this.memory,
      index,
      QUEUE_SIZE,
      0x10_0000 + index * 0x2000,
      0x11_0000 + index * 0x8000,
    );
  }
}
