import { BehaviorSubject, type Observable, Subject } from 'rxjs';
import type { Clock } from '../base/clock.js';
import { BridgeError } from '../base/errors.js';
import type { LinkDownCause, LinkState, PacketBatch, PacketLink } from './packet-link.js';

/** How a {@link memoryLinkPair} behaves. */
export interface MemoryLinkOptions {
  /** Largest packet, bytes. */
  readonly maxPacket?: number;
  /** Packets that may wait for the other end's turn before `send` rejects. */
  readonly queue?: number;
  readonly clock: Pick<Clock, 'monotonicNs'>;
}

/**
 * Two ends of a channel inside this process: for tests, and for programs that run a simulated
 * coprocessor beside the driver. Packets are delivered on a microtask, all that wait in one batch.
 */
export function memoryLinkPair(options: MemoryLinkOptions): [MemoryLink, MemoryLink] {
  const first = new MemoryLink('memory:first', options);
  const second = new MemoryLink('memory:second', options);
  first.connect(second);
  second.connect(first);
  return [first, second];
}

const DEFAULT_MAX_PACKET = 1024;
const DEFAULT_QUEUE = 256;

export class MemoryLink implements PacketLink {
  readonly state$: Observable<LinkState>;
  readonly packets$: Observable<PacketBatch>;
  readonly room$: Observable<void>;
  readonly maxPacket: number;
  readonly counters = { packets_sent: 0, packets_received: 0 };

  private readonly states = new BehaviorSubject<LinkState>({ kind: 'up', channel: 1, delivery: 'reliable' });
  private readonly incoming = new Subject<PacketBatch>();
  private readonly roomMade = new Subject<void>();
  private readonly queueLimit: number;
  private peer: MemoryLink | undefined;
  private waiting: { packet: Uint8Array; resolve: () => void; reject: (error: Error) => void }[] = [];

  constructor(
    readonly name: string,
    private readonly options: MemoryLinkOptions,
  ) {
    this.maxPacket = options.maxPacket ?? DEFAULT_MAX_PACKET;
    this.queueLimit = options.queue ?? DEFAULT_QUEUE;
    this.state$ = this.states.asObservable();
    this.packets$ = this.incoming.asObservable();
    this.room$ = this.roomMade.asObservable();
  }

  /** @internal Makes `peer` the other end. */
  connect(peer: MemoryLink): void {
    this.peer = peer;
  }

  get state(): LinkState {
    return this.states.value;
  }

  get packetHint(): number {
    return this.maxPacket;
  }

  get room(): number {
    return this.state.kind === 'up' ? this.queueLimit - this.waiting.length : 0;
  }

  send(packet: Uint8Array): Promise<void> {
    if (this.state.kind !== 'up') return Promise.reject(new BridgeError('LINK_DOWN', `${this.name} is down`));
    if (packet.length > this.maxPacket) {
      return Promise.reject(
        new BridgeError(
          'INVALID_ARGUMENT',
          `a packet of ${packet.length} bytes: ${this.name} takes ${this.maxPacket}`,
        ),
      );
    }
    if (this.waiting.length >= this.queueLimit) {
      return Promise.reject(
        new BridgeError('QUEUE_FULL', `${this.name}: ${this.queueLimit} packets wait already`),
      );
    }
    return new Promise((resolve, reject) => {
      this.waiting.push({ packet, resolve, reject });
      if (this.waiting.length === 1) queueMicrotask(() => this.deliver());
    });
  }

  close(): Promise<void> {
    this.end('closed', 'closed');
    this.peer?.end('gone', 'the other end closed');
    return Promise.resolve();
  }

  /** Breaks the channel and brings up a new one at once, on both ends, losing what was on its way. */
  breakChannel(reason = 'broken by request'): void {
    for (const end of [this, this.peer!]) end.drop(reason);
    for (const end of [this, this.peer!]) end.reopen(reason);
  }

  private deliver(): void {
    const batch = this.waiting;
    const wasFull = batch.length >= this.queueLimit;
    this.waiting = [];
    if (batch.length === 0 || this.state.kind !== 'up') return;
    this.counters.packets_sent += batch.length;
    for (const { resolve } of batch) resolve();
    this.peer?.receive(batch.map(({ packet }) => packet));
    if (wasFull) this.roomMade.next();
  }

  private receive(packets: readonly Uint8Array[]): void {
    this.counters.packets_received += packets.length;
    this.incoming.next({ arrivedNs: this.options.clock.monotonicNs(), packets });
  }

  private channel = 1;

  private drop(reason: string): void {
    const lost = this.waiting;
    this.waiting = [];
    for (const { reject } of lost) reject(new BridgeError('LINK_DOWN', `${this.name}: ${reason}`));
  }

  private reopen(reason: string): void {
    if (this.state.kind !== 'up') return;
    this.states.next({ kind: 'opening', reason });
    this.states.next({ kind: 'up', channel: ++this.channel, delivery: 'reliable' });
  }

  private end(cause: LinkDownCause, reason: string): void {
    if (this.state.kind === 'down') return;
    this.drop(reason);
    this.states.next({ kind: 'down', reason, cause });
    this.states.complete();
    this.incoming.complete();
    this.roomMade.complete();
  }
}
