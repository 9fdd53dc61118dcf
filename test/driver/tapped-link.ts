import { filter, map, type Observable } from 'rxjs';
import type { MemoryLink } from '../../src/link/memory.js';
import type { LinkState, PacketBatch, PacketLink } from '../../src/link/packet-link.js';
import { decodeMessage, type Message } from '../../src/wire/virtio-msg/message.js';

/** A link through which a test watches what passes, and loses some of it. */
export class TappedLink implements PacketLink {
  readonly state$: Observable<LinkState>;
  readonly packets$: Observable<PacketBatch>;
  /** What the driver sent and received, decoded, in order. */
  readonly sent: Message[] = [];
  readonly received: Message[] = [];
  /** Whether a packet of the driver is lost on the way. */
  losesSent: (message: Message) => boolean = () => false;
  /** Whether a packet to the driver is lost on the way. */
  losesReceived: (message: Message) => boolean = () => false;

  constructor(
    private readonly inner: MemoryLink,
    private readonly delivery: 'reliable' | 'plain',
  ) {
    this.state$ = inner.state$.pipe(
      map((state) => (state.kind === 'up' ? { ...state, delivery: this.delivery } : state)),
    );
    this.packets$ = inner.packets$.pipe(
      map((batch) => ({ ...batch, packets: batch.packets.filter((packet) => this.passes(packet)) })),
      filter(({ packets }) => packets.length > 0),
    );
  }

  get name(): string {
    return this.inner.name;
  }
  get state(): LinkState {
    return this.inner.state;
  }
  get maxPacket(): number {
    return this.inner.maxPacket;
  }
  get packetHint(): number {
    return this.inner.packetHint;
  }
  get room(): number {
    return this.inner.room;
  }
  get room$(): Observable<void> {
    return this.inner.room$;
  }
  get counters(): Readonly<Record<string, number>> {
    return this.inner.counters;
  }

  send(packet: Uint8Array): Promise<void> {
    const message = decodeMessage(packet);
    this.sent.push(message);
    return this.losesSent(message) ? Promise.resolve() : this.inner.send(packet);
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  private passes(packet: Uint8Array): boolean {
    const message = decodeMessage(packet);
    if (this.losesReceived(message)) return false;
    this.received.push(message);
    return true;
  }
}
