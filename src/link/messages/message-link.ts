import { BehaviorSubject, type Observable, Subject } from 'rxjs';
import type { Time, TimerHandle } from '../../base/clock.js';
import { BridgeError, messageOf } from '../../base/errors.js';
import { type Timeouts, timeouts } from '../../base/timeouts.js';
import { MessageChannel } from '../../linux/message-channel.js';
import type { LinkObserver } from '../link-observer.js';
import type { LinkCounters, LinkDownCause, LinkState, PacketBatch, PacketLink } from '../packet-link.js';
import { SendQueue } from '../send-queue.js';
import type { MessageEndpoint } from './message-endpoint.js';

export interface MessageLinkOptions {
  /** A driver gives up an endpoint that takes nothing for the time limit `write_stall`; a device waits. */
  readonly role: 'driver' | 'device';
  readonly time: Time;
  /** Packets that may wait behind `send`. */
  readonly queue?: number;
  /** Limits other than the defaults. */
  readonly timeouts?: Partial<Timeouts>;
  /** Is told of every message; for traces. */
  readonly observer?: LinkObserver;
}

/** The largest packet of an rpmsg channel with the kernel's usual buffers: 512 bytes, 16 of them head. */
export const RPMSG_MAX_PACKET = 496;

const DEFAULT_QUEUE = 256;
/** Pauses before a full endpoint is tried again, ms: each twice the one before. */
const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 20;

const SENT = Promise.resolve();

/** Opens the endpoint of a link; rejects with a BridgeError, in one line with the remedy. */
export type OpenEndpoint = () => Promise<MessageEndpoint>;

/**
 * A packet link on a descriptor of which each read gives one whole message and each write takes one: an
 * rpmsg endpoint, or a SOCK_SEQPACKET socket that behaves as one. Such a channel repairs and orders by
 * itself, so that it is up as soon as it is open.
 */
export class MessageLink implements PacketLink {
  readonly state$: Observable<LinkState>;
  readonly packets$: Observable<PacketBatch>;
  readonly room$: Observable<void>;

  private readonly states = new BehaviorSubject<LinkState>({ kind: 'opening' });
  private readonly incoming = new Subject<PacketBatch>();
  private readonly roomMade = new Subject<void>();
  private readonly queue: SendQueue;
  private readonly queueLimit: number;
  private readonly stallMs: number;
  private readonly counted = {
    messages_received: 0,
    messages_sent: 0,
    bytes_received: 0,
    bytes_sent: 0,
    send_waits: 0,
    send_refused: 0,
    discarded_long: 0,
    discarded_before_open: 0,
  };

  private endpoint: MessageEndpoint | undefined;
  private messages: MessageChannel | undefined;
  private unwatch: (() => void) | undefined;
  /** The endpoint being opened, so that {@link close} can wait for it. */
  private opening: Promise<void> = Promise.resolve();
  private channel = 0;
  /** Set while the endpoint is full. */
  private retry: TimerHandle | undefined;
  private pauseMs = FIRST_PAUSE_MS;
  /** When the endpoint last took something, ms, while it is full. */
  private fullSinceMs = 0;

  /** On an endpoint that is open, or that `opened` opens; a link that is `renewable` opens it again. */
  constructor(
    readonly name: string,
    private readonly opened: MessageEndpoint | OpenEndpoint,
    private readonly options: MessageLinkOptions,
  ) {
    this.state$ = this.states.asObservable();
    this.packets$ = this.incoming.asObservable();
    this.room$ = this.roomMade.asObservable();
    this.queueLimit = options.queue ?? DEFAULT_QUEUE;
    this.queue = new SendQueue(this.queueLimit);
    this.stallMs = options.role === 'device' ? Infinity : timeouts(options.timeouts).write_stall;
    if (typeof opened === 'function') this.open(opened);
    else this.attach(opened);
  }

  get state(): LinkState {
    return this.states.value;
  }

  get devicePath(): string | undefined {
    return this.endpoint?.path;
  }

  get maxPacket(): number {
    return this.endpoint?.maxPacket ?? RPMSG_MAX_PACKET;
  }

  get packetHint(): number {
    return this.maxPacket;
  }

  get room(): number {
    return this.state.kind === 'up' && this.retry === undefined ? this.queueLimit : 0;
  }

  get counters(): LinkCounters {
    return { ...this.counted, discarded_long: this.counted.discarded_long + (this.messages?.tooLong ?? 0) };
  }

  get renew(): (() => void) | undefined {
    const { opened } = this;
    if (typeof opened !== 'function' || this.endpoint?.renewable !== true) return undefined;
    return () => {
      if (this.state.kind !== 'up') return;
      const reason = 'a new channel, which late replies cannot reach';
      this.leave(reason);
      this.states.next({ kind: 'opening', reason });
      if (!this.isDown) this.open(opened);
    };
  }

  send(packet: Uint8Array): Promise<void> {
    if (this.states.value.kind !== 'up') {
      return Promise.reject(new BridgeError('LINK_DOWN', `${this.name} is not up`));
    }
    if (packet.length > this.maxPacket) {
      const message = `a packet of ${packet.length} bytes: ${this.name} takes ${this.maxPacket}`;
      return Promise.reject(new BridgeError('INVALID_ARGUMENT', message));
    }
    if (this.retry !== undefined) return this.queue.add(packet, this.name);
    const outcome = this.write(packet);
    if (outcome === 'written') return SENT;
    if (outcome !== 'full') return Promise.reject(outcome);
    this.waitForRoom();
    return this.queue.add(packet, this.name);
  }

  async close(): Promise<void> {
    this.end('closed', 'closed');
    await this.opening;
  }

  private get isDown(): boolean {
    return this.states.value.kind === 'down';
  }

  private open(opened: OpenEndpoint): void {
    this.opening = opened().then(
      (endpoint) => {
        if (this.isDown) endpoint.close();
        else this.attach(endpoint);
      },
      (error) => this.end('error', messageOf(error)),
    );
  }

  private attach(endpoint: MessageEndpoint): void {
    const { time } = this.options;
    this.endpoint = endpoint;
    this.counted.discarded_before_open += endpoint.drained ?? 0;
    this.messages = new MessageChannel(
      endpoint.fd,
      { maxMessage: endpoint.maxPacket, now: () => time.monotonicNs() },
      {
        messages: (packets, arrivedNs) => this.receive(packets, arrivedNs),
        end: (error) => this.end('gone', endpoint.explainEnd(error)),
      },
    );
    this.unwatch = endpoint.watch?.((reason) => this.end('gone', reason));
    this.states.next({ kind: 'up', channel: ++this.channel, delivery: 'reliable' });
  }

  private receive(packets: readonly Uint8Array[], arrivedNs: bigint): void {
    const { counted } = this;
    const { observer } = this.options;
    counted.messages_received += packets.length;
    for (const payload of packets) {
      counted.bytes_received += payload.length;
      observer?.received({ kind: 'plain', payload }, 'delivered', arrivedNs);
    }
    this.incoming.next({ arrivedNs, packets });
    // The other end is at work: it may have made room.
    if (this.retry !== undefined) this.flush();
  }

  /** Hands a packet to the endpoint; what cannot be sent is an error, and may end the link. */
  private write(packet: Uint8Array): 'written' | 'full' | BridgeError {
    const outcome = this.messages!.write(packet);
    if (outcome === 'full') return outcome;
    if (outcome === 'written') {
      this.counted.messages_sent++;
      this.counted.bytes_sent += packet.length;
      const { observer, time } = this.options;
      observer?.sent([{ kind: 'plain', payload: packet }], 0, time.monotonicNs());
      return outcome;
    }
    const { code } = outcome;
    if (code === 'EMSGSIZE') {
      this.counted.send_refused++;
      const message = `${this.name}: the kernel's buffers are too small for a message of ${packet.length} bytes`;
      return new BridgeError('INVALID_ARGUMENT', message, { cause: outcome });
    }
    const reason = this.endpoint!.explainEnd(outcome);
    this.end('gone', reason);
    return new BridgeError('LINK_DOWN', `${this.name}: ${reason}`, { cause: outcome });
  }

  /** The endpoint is full: it is tried again after a pause, and sooner when something comes. */
  private waitForRoom(): void {
    this.counted.send_waits++;
    this.pauseMs = FIRST_PAUSE_MS;
    this.fullSinceMs = this.nowMs();
    this.setRetry();
  }

  private setRetry(): void {
    this.retry = this.options.time.set(() => {
      this.pauseMs = Math.min(this.pauseMs * 2, LONGEST_PAUSE_MS);
      this.flush();
    }, this.pauseMs);
  }

  /** Sends what waits, as far as there is room. */
  private flush(): void {
    this.clearRetry();
    while (this.queue.length > 0) {
      const outcome = this.write(this.queue.peek());
      if (outcome === 'full') {
        this.stayFull();
        return;
      }
      if (this.isDown) return;
      this.fullSinceMs = this.nowMs();
      this.pauseMs = FIRST_PAUSE_MS;
      if (outcome === 'written') this.queue.take();
      else this.queue.refuse(outcome);
    }
    this.roomMade.next();
  }

  private stayFull(): void {
    if (this.nowMs() - this.fullSinceMs < this.stallMs) {
      this.setRetry();
      return;
    }
    this.end('error', 'it takes no messages: the other end does not read them');
  }

  private nowMs(): number {
    return Number(this.options.time.monotonicNs()) / 1e6;
  }

  private clearRetry(): void {
    if (this.retry !== undefined) this.options.time.clear(this.retry);
    this.retry = undefined;
  }

  /** Lets go of the endpoint; what waits is not sent any more. */
  private leave(reason: string): void {
    this.clearRetry();
    this.unwatch?.();
    this.unwatch = undefined;
    this.messages?.stop();
    this.counted.discarded_long += this.messages?.tooLong ?? 0;
    this.messages = undefined;
    this.endpoint?.close();
    this.endpoint = undefined;
    this.queue.fail(new BridgeError('LINK_DOWN', `${this.name}: ${reason}`));
  }

  private end(cause: LinkDownCause, reason: string): void {
    if (this.isDown) return;
    this.leave(reason);
    this.states.next({ kind: 'down', reason, cause });
    this.states.complete();
    this.incoming.complete();
    this.roomMade.complete();
  }
}
