import type { PacketLink } from '../../link/packet-link.js';
import { putU64Number } from '../../wire/bytes.js';
import { BUS, HEADER_LENGTH } from '../../wire/virtio-msg/header.js';
import { USED_ELEMENT_OVERHEAD, VqUsedBuilder } from '../../wire/virtio-msg/queue.js';
import type { BusCounters } from './counters.js';

/** Bytes that may wait for the channel. Honest drivers stay far below: their buffers are numbered. */
const LIMIT_BYTES = 4 * 1024 * 1024;
/** Where the answer to BUS_TIME has t3. */
const T3_AT = HEADER_LENGTH + 16;

/** Returned buffers of one queue on their way into one VQ_USED. */
export class OpenMessage {
  readonly builder: VqUsedBuilder;
  /** Whether it collects; else it is empty. */
  isOpen = false;

  constructor(devNum: number, queue: number, maxSize: number) {
    this.builder = new VqUsedBuilder(devNum, queue, maxSize);
  }

  /** What was collected; it is closed. */
  take(): Uint8Array {
    this.isOpen = false;
    return this.builder.take();
  }
}

/**
 * What the device sends, in the order in which it happened (in-band bus, "Order"). Returned
 * buffers collect in one open message a device, which is closed by whatever else that device has
 * to say, when it is full, and at the end of the turn. What the channel cannot take waits here.
 */
export class Outbox {
  private readonly waiting: Uint8Array[] = [];
  private waitingBytes = 0;
  private readonly open: OpenMessage[] = [];
  private flushScheduled = false;
  private draining = false;

  /** `now` is the device clock: the answer to BUS_TIME is stamped when it really leaves. */
  constructor(
    private readonly link: PacketLink,
    private readonly now: () => number,
    private readonly counters: BusCounters,
  ) {}

  /** Whether one more event may be put into `into`, if it is open, or else into a new message. */
  takesEvent(into: OpenMessage, length: number): boolean {
    if (into.isOpen && into.builder.fits(USED_ELEMENT_OVERHEAD + length, this.link.packetHint)) {
      return true;
    }
    return this.waiting.length === 0 && this.link.room > this.open.length;
  }

  /** Adds a returned buffer to `message`, which is open; false when it is full. */
  addBuffer(message: OpenMessage, id: number, bytes: Uint8Array): boolean {
    const { builder } = message;
    // The first element goes in whatever the hint says; it was checked against the agreed size.
    return builder.add(id, bytes, builder.count === 0 ? Number.POSITIVE_INFINITY : this.link.packetHint);
  }

  /** From now on `message` collects. */
  openMessage(message: OpenMessage): void {
    message.isOpen = true;
    this.open.push(message);
    if (this.flushScheduled) return;
    this.flushScheduled = true;
    queueMicrotask(() => {
      this.flushScheduled = false;
      this.closeAll();
    });
  }

  /** Sends what `message` collected; it is no longer open. */
  closeMessage(message: OpenMessage): void {
    if (!message.isOpen) return;
    this.open.splice(this.open.indexOf(message), 1);
    this.enqueue(message.take());
  }

  /** Sends everything that is open, so that what follows leaves after it. */
  closeAll(): void {
    for (const message of this.open.splice(0)) this.enqueue(message.take());
  }

  /** Sends a message after all that happened before it. */
  send(packet: Uint8Array): void {
    this.closeAll();
    this.enqueue(packet);
  }

  /** Drops all that has not left. */
  clear(): void {
    for (const message of this.open.splice(0)) message.take();
    this.waiting.length = 0;
    this.waitingBytes = 0;
  }

  /** The channel can take more. */
  drain(): void {
    if (this.draining) return;
    this.draining = true;
    let count = 0;
    while (count < this.waiting.length && this.link.room > 0) this.hand(this.waiting[count++]!);
    this.waiting.splice(0, count);
    this.draining = false;
  }

  private enqueue(packet: Uint8Array): void {
    if (this.waiting.length === 0 && this.link.room > 0) {
      this.waitingBytes += packet.length;
      this.hand(packet);
    } else if (this.waitingBytes + packet.length > LIMIT_BYTES) {
      this.counters.dropped_outbox_full!++;
    } else {
      this.waiting.push(packet);
      this.waitingBytes += packet.length;
    }
  }

  private readonly countUnsent = (): void => {
    this.counters.messages_unsent!++;
  };

  private hand(packet: Uint8Array): void {
    this.waitingBytes -= packet.length;
    if (packet[1] === BUS.TIME && packet[0] === 3) putU64Number(packet, T3_AT, this.now());
    this.counters.messages_sent!++;
    this.link.send(packet).catch(this.countUnsent);
  }
}
