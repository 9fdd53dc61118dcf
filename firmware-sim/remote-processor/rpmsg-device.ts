import type { VhostUserDevice, VhostUserQueues } from '../../src/vhost-user/device.js';
import { RPMSG_FEATURE_NS, RPMSG_HEADER_LENGTH, readRpmsgHeader, writeRpmsg } from '../../src/wire/rpmsg.js';

/** As the driver numbers them: what it receives, and what it sends. */
const TO_DRIVER = 0;
const FROM_DRIVER = 1;
const QUEUE_SIZE = 1024;
/** Messages that may wait for the driver's buffers, beside those that links keep back themselves. */
const MAX_WAITING = 256;
const NOTHING = new Uint8Array(0);

/** What the bus tells of. */
export interface RpmsgBusEvents {
  /** The driver is there; `again`: it was there before, and knows channels of then. */
  started(again: boolean): void;
  /** The driver is gone. */
  stopped(): void;
  /** A message came to an address. `payload` is nobody else's. */
  message(source: number, destination: number, payload: Uint8Array): void;
  /** There are buffers for more messages. */
  room(): void;
}

export interface RpmsgBusCounters extends Record<string, number> {
  messages_sent: number;
  messages_received: number;
  /** Messages of the driver that were cut, or said more of their length than there was. */
  messages_malformed: number;
  /** Messages that found no buffer and no place to wait. */
  messages_dropped: number;
}

/**
 * The virtio rpmsg bus, seen from the remote processor: carries messages between addresses here and
 * there, in buffers of the driver's. Knows nothing of channels.
 */
export class RpmsgDevice implements VhostUserDevice {
  readonly offeredFeatures = 1n << BigInt(RPMSG_FEATURE_NS);
  readonly maxQueueSizes = [QUEUE_SIZE, QUEUE_SIZE];
  readonly config = NOTHING;
  readonly counters: RpmsgBusCounters = {
    messages_sent: 0,
    messages_received: 0,
    messages_malformed: 0,
    messages_dropped: 0,
  };
  private queues: VhostUserQueues | undefined;
  /** The driver's empty buffers, in the order in which it gave them. */
  private readonly free: { readonly id: number; readonly length: number }[] = [];
  private readonly waiting: Uint8Array[] = [];

  constructor(private readonly events: RpmsgBusEvents) {}

  /** How many messages would leave at once. */
  get room(): number {
    return this.queues === undefined ? 0 : Math.max(0, this.free.length - this.waiting.length);
  }

  /** Sends a message, or lets it wait for a buffer. */
  send(source: number, destination: number, payload: Uint8Array): void {
    if (this.waiting.length >= MAX_WAITING || this.queues === undefined) {
      this.counters.messages_dropped++;
      return;
    }
    this.waiting.push(writeRpmsg(source, destination, payload));
    this.flush();
  }

  acceptsFeatures(): boolean {
    return true;
  }

  start(_features: bigint, queues: VhostUserQueues, driver: { readonly resumed: boolean }): void {
    this.queues = queues;
    this.events.started(driver.resumed);
  }

  reset(): void {
    this.queues = undefined;
    this.free.length = 0;
    this.waiting.length = 0;
    this.events.stopped();
  }

  resetQueue(queue: number): void {
    if (queue === TO_DRIVER) this.free.length = 0;
  }

  bufferAvailable(
    queue: number,
    id: number,
    inLength: number,
    bytes: Uint8Array,
    at: number,
    outLength: number,
  ): void {
    if (queue === FROM_DRIVER) {
      this.queues?.returnBuffer(queue, id, NOTHING);
      this.receive(bytes, at, outLength);
      return;
    }
    const wasFull = this.room === 0;
    this.free.push({ id, length: inLength });
    this.flush();
    if (wasFull && this.room > 0) this.events.room();
  }

  private receive(bytes: Uint8Array, at: number, available: number): void {
    const header = readRpmsgHeader(bytes, at, available);
    if (header === undefined) {
      this.counters.messages_malformed++;
      return;
    }
    this.counters.messages_received++;
    const from = at + RPMSG_HEADER_LENGTH;
    this.events.message(header.source, header.destination, bytes.slice(from, from + header.length));
  }

  private flush(): void {
    while (this.waiting.length > 0 && this.free.length > 0) {
      const message = this.waiting.shift()!;
      const { id, length } = this.free.shift()!;
      const fits = message.length <= length;
      if (fits) this.counters.messages_sent++;
      else this.counters.messages_dropped++;
      this.queues!.returnBuffer(TO_DRIVER, id, fits ? message : NOTHING);
    }
  }
}
