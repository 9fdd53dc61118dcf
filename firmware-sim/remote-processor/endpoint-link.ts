import { BehaviorSubject, type Observable, Subject } from 'rxjs';
import { BridgeError } from '../../src/base/errors.js';
import type { LinkDownCause, LinkState, PacketBatch, PacketLink } from '../../src/link/packet-link.js';
import { SendQueue } from '../../src/link/send-queue.js';
import { RPMSG_BUFFER_LENGTH, RPMSG_HEADER_LENGTH } from '../../src/wire/rpmsg.js';

/** What a link needs of the bus it runs on. */
export interface EndpointBus {
  /** How many messages would leave at once. */
  readonly room: number;
  send(packet: Uint8Array): void;
  /** The firmware let go of the link. */
  closed(): void;
}

const MAX_PACKET = RPMSG_BUFFER_LENGTH - RPMSG_HEADER_LENGTH;
const QUEUE = 256;
const SENT = Promise.resolve();

/** The remote processor's end of a channel: between one of its addresses and one of the kernel's. Up from the start. */
export class EndpointLink implements PacketLink {
  readonly maxPacket = MAX_PACKET;
  readonly packetHint = MAX_PACKET;
  readonly state$: Observable<LinkState>;
  readonly packets$: Observable<PacketBatch>;
  readonly room$: Observable<void>;
  readonly counters = { messages_received: 0, messages_sent: 0, bytes_received: 0, bytes_sent: 0 };

  private readonly states = new BehaviorSubject<LinkState>({ kind: 'up', channel: 1, delivery: 'reliable' });
  private readonly incoming = new Subject<PacketBatch>();
  private readonly roomMade = new Subject<void>();
  private readonly queue = new SendQueue(QUEUE);

  constructor(
    readonly name: string,
    private readonly bus: EndpointBus,
  ) {
    this.state$ = this.states.asObservable();
    this.packets$ = this.incoming.asObservable();
    this.room$ = this.roomMade.asObservable();
  }

  get state(): LinkState {
    return this.states.value;
  }

  get room(): number {
    return this.state.kind === 'up' && this.queue.length === 0 ? this.bus.room : 0;
  }

  send(packet: Uint8Array): Promise<void> {
    if (this.state.kind !== 'up') {
      return Promise.reject(new BridgeError('LINK_DOWN', `${this.name} is not up`));
    }
    if (packet.length > MAX_PACKET) {
      const message = `a packet of ${packet.length} bytes: ${this.name} takes ${MAX_PACKET}`;
      return Promise.reject(new BridgeError('INVALID_ARGUMENT', message));
    }
    if (this.queue.length > 0 || this.bus.room === 0) return this.queue.add(packet, this.name);
    this.hand(packet);
    return SENT;
  }

  close(): Promise<void> {
    if (this.state.kind === 'down') return Promise.resolve();
    this.end('closed', 'closed');
    this.bus.closed();
    return Promise.resolve();
  }

  /** A message came. */
  receive(packet: Uint8Array, arrivedNs: bigint): void {
    this.counters.messages_received++;
    this.counters.bytes_received += packet.length;
    this.incoming.next({ arrivedNs, packets: [packet] });
  }

  /** The bus has buffers again. */
  makeRoom(): void {
    while (this.queue.length > 0 && this.bus.room > 0) this.hand(this.queue.take());
    if (this.room > 0) this.roomMade.next();
  }

  /** The link is down for good. */
  end(cause: LinkDownCause, reason: string): void {
    if (this.state.kind === 'down') return;
    this.queue.fail(new BridgeError('LINK_DOWN', `${this.name}: ${reason}`));
    this.states.next({ kind: 'down', reason, cause });
    this.states.complete();
    this.incoming.complete();
    this.roomMade.complete();
  }

  private hand(packet: Uint8Array): void {
    this.counters.messages_sent++;
    this.counters.bytes_sent += packet.length;
    this.bus.send(packet);
  }
}
