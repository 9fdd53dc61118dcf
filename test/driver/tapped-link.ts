import { filter, map, merge, type Observable, Subject } from 'rxjs';
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
  losesReceived: (message: Message, packet: Uint8Array) => boolean = () => false;
  readonly sizesSent: number[] = [];
  /** Bus requests unanswered at a time, at most. */
  mostInFlight = 0;
  private inFlight = 0;
  private readonly injected = new Subject<PacketBatch>();

  constructor(
    private readonly inner: MemoryLink,
    private readonly delivery: 'reliable' | 'plain',
  ) {
    this.state$ = inner.state$.pipe(
      map((state) => (state.kind === 'up' ? { ...state, delivery: this.delivery } : state)),
    );
    const passed$ = inner.packets$.pipe(
      map((batch) => ({ ...batch, packets: batch.packets.filter((packet) => this.passes(packet)) })),
      filter(({ packets }) => packets.length > 0),
    );
    this.packets$ = merge(passed$, this.injected);
  }

  /** Gives the driver a packet that nobody sent. */
  inject(...packets: Uint8Array[]): void {
    this.injected.next({ arrivedNs: 0n, packets });
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
    this.sizesSent.push(packet.length);
    if (message.type.endsWith('-request')) this.mostInFlight = Math.max(this.mostInFlight, ++this.inFlight);
    return this.losesSent(message) ? Promise.resolve() : this.inner.send(packet);
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  private passes(packet: Uint8Array): boolean {
    const message = decodeMessage(packet);
    if (this.losesReceived(message, packet)) return false;
    if (message.type.endsWith('-response')) this.inFlight--;
    this.received.push(message);
    return true;
  }
}
