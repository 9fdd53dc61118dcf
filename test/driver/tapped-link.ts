import { filter, map, merge, type Observable, Subject } from 'rxjs';
import type { MemoryLink } from '../../src/link/memory.js';
import type { LinkState, PacketBatch, PacketLink } from '../../src/link/packet-link.js';
import { decodeMessage, type Message } from '../../src/wire/virtio-msg/message.js';

/** A message that is on its way. */
interface Held {
  readonly to: 'driver' | 'device';
  readonly packet: Uint8Array;
}

/** A link through which a test watches what passes, loses some of it, or holds it on its way. */
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
  /** Whether what is sent stays on its way until {@link deliver}. A channel that breaks loses it. */
  holds = false;
  private held: Held[] = [];

  constructor(
    private readonly inner: MemoryLink,
    private readonly delivery: 'reliable' | 'plain',
    private readonly nowNs: () => bigint = () => 0n,
  ) {
    inner.state$.subscribe(() => {
      this.held = [];
    });
    this.state$ = inner.state$.pipe(
      map((state) => (state.kind === 'up' ? { ...state, delivery: this.delivery } : state)),
    );
    const passed$ = inner.packets$.pipe(
      map((batch) => ({ ...batch, packets: batch.packets.filter((packet) => this.arrives(packet)) })),
      filter(({ packets }) => packets.length > 0),
    );
    this.packets$ = merge(passed$, this.injected);
  }

  /** Gives the driver a packet that nobody sent. */
  inject(...packets: Uint8Array[]): void {
    this.injected.next({ arrivedNs: 0n, packets });
  }

  /**
   * What is on its way now arrives, in order; the first message of either way twice, if wanted. What is
   * answered is on its way then.
   */
  deliver(firstTwice = false): void {
    const held = this.held.splice(0);
    const take = (to: Held['to']): Uint8Array[] => {
      const packets = held.filter((one) => one.to === to).map(({ packet }) => packet);
      return firstTwice ? [...packets.slice(0, 1), ...packets] : packets;
    };
    for (const packet of take('device')) void this.inner.send(packet).catch(() => {});
    const packets = take('driver').filter((packet) => this.passes(packet));
    if (packets.length > 0) this.injected.next({ arrivedNs: this.nowNs(), packets });
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
    if (this.losesSent(message)) return Promise.resolve();
    if (!this.holds) return this.inner.send(packet);
    this.held.push({ to: 'device', packet });
    return Promise.resolve();
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  private arrives(packet: Uint8Array): boolean {
    if (!this.holds) return this.passes(packet);
    this.held.push({ to: 'driver', packet });
    return false;
  }

  private passes(packet: Uint8Array): boolean {
    const message = decodeMessage(packet);
    if (this.losesReceived(message, packet)) return false;
    if (message.type.endsWith('-response')) this.inFlight--;
    this.received.push(message);
    return true;
  }
}
