import type { Subscription } from 'rxjs';
import type { PacketLink } from '../../link/packet-link.js';
import { MIN_MAX_MSG_SIZE } from '../../wire/virtio-msg/bus.js';

/** Something that has packets to send when the channel can take them. */
export interface PacketSource {
  /** The next packet of at most `limit` bytes, or undefined when there is nothing to send now. */
  nextPacket(limit: number): Uint8Array | undefined;
}

/** Answers to the device's own requests that may wait; more than that it asks too fast. */
const MAX_WAITING = 256;

/**
 * What the driver sends on one channel. Sources are asked for packets only while the channel has
 * room, so that what waits is bounded by the sources' own bounds and goes out in large packets.
 * Nothing is kept here but control messages, whose number the callers bound.
 */
export class Outbox {
  /** Packets that the link refused although it had room; the channel's state is unknown then. */
  onRefused: (error: unknown) => void = () => {};

  private readonly control: Uint8Array[] = [];
  private readonly ready = new Set<PacketSource>();
  private readonly room: Subscription;
  private scheduled = false;
  private flushing = false;
  private closed = false;

  /** `agreedSize()` is what both sides take; the link's own limits come on top. */
  constructor(
    private readonly link: PacketLink,
    private readonly agreedSize: () => number,
  ) {
    this.room = link.room$.subscribe(() => this.flush());
  }

  /** Sends a control message at the end of this turn; false when too many wait. */
  send(packet: Uint8Array): boolean {
    if (this.closed || this.control.length >= MAX_WAITING) return false;
    this.control.push(packet);
    this.schedule();
    return true;
  }

  /** `source` has something to send, at the end of this turn. */
  wake(source: PacketSource): void {
    if (this.closed) return;
    this.ready.add(source);
    this.schedule();
  }

  /** See {@link PacketLink.writesAnyway}. */
  get writesAnyway(): boolean {
    return this.link.writesAnyway ?? false;
  }

  /** Sends what there is now, as far as the channel has room. */
  flush(): void {
    if (this.closed || this.flushing) return;
    this.flushing = true;
    this.flushControl();
    this.flushSources();
    this.flushing = false;
  }

  /** Drops everything; nothing is sent any more. */
  close(): void {
    this.closed = true;
    this.room.unsubscribe();
    this.control.length = 0;
    this.ready.clear();
  }

  private flushControl(): void {
    let sent = 0;
    while (sent < this.control.length && this.link.room > 0) this.hand(this.control[sent++]!);
    if (sent > 0) this.control.splice(0, sent);
  }

  /** One packet each in turn, so that no device waits for another one's backlog. */
  private flushSources(): void {
    const limit = Math.min(this.agreedSize(), Math.max(this.link.packetHint, MIN_MAX_MSG_SIZE));
    while (this.ready.size > 0 && this.link.room > 0) {
      for (const source of this.ready) {
        if (this.link.room <= 0) return;
        const packet = source.nextPacket(limit);
        if (packet === undefined) this.ready.delete(source);
        else this.hand(packet);
      }
    }
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    queueMicrotask(() => {
      this.scheduled = false;
      this.flush();
    });
  }

  private hand(packet: Uint8Array): void {
    this.link.send(packet).catch((error: unknown) => {
      if (!this.closed) this.onRefused(error);
    });
  }
}
