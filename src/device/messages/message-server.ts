import type { Subscription } from 'rxjs';
import type { PacketBatch, PacketLink } from '../../link/packet-link.js';

/** Counters by name in snake_case; they only ever grow. */
export type MessageCounters = Record<string, number>;

/** What firmware makes of a request: its answer, now or later, or nothing. Never throws. */
export type AnswerRequest = (packet: Uint8Array) => Uint8Array | undefined | Promise<Uint8Array>;

export interface MessageServerOptions {
  readonly answer: AnswerRequest;
  readonly counters: MessageCounters;
  /** Called before the messages of one read are processed: what happened before them is to be told first. */
  readonly beforeMessages?: () => void;
}

/** Requests that wait for the one before; honest drivers send one at a time. */
const MAX_REQUESTS = 256;
/** Messages that wait for the channel: an interrupt of each line, and answers. */
const MAX_MESSAGES = 66_000;

/** The counters of a server, all 0. */
export function newMessageCounters(): MessageCounters {
  return {
    messages_received: 0,
    messages_sent: 0,
    // Taken by the link, and not sent because the channel broke.
    messages_unsent: 0,
    dropped_requests_full: 0,
    dropped_outbox_full: 0,
  };
}

/**
 * Serves requests that carry no tag: one after the other, each answered before the next is begun.
 * Answers and interrupts leave in the order in which they came about. Links come and go below it.
 */
export class MessageServer {
  private link: PacketLink | undefined;
  private subscriptions: Subscription[] = [];
  private outbox: Uint8Array[] = [];
  private requests: Uint8Array[] = [];
  /** A request is being done; also one of the channel before, which the lines have to be done with. */
  private busy = false;
  private up = false;
  /** Whether a request was answered on the present channel. */
  greeted = false;
  /** Changes with the channel: what was begun on one is not answered on the next. */
  private epoch = 0;

  constructor(private readonly options: MessageServerOptions) {}

  /** Serves a link, in place of the one before; that one is left as it is. */
  attach(link: PacketLink): void {
    this.detach();
    this.link = link;
    this.subscriptions = [
      link.packets$.subscribe((batch) => this.receive(batch)),
      link.room$.subscribe(() => this.drain()),
      link.state$.subscribe((state) => this.newChannel(state.kind === 'up')),
    ];
  }

  /** Leaves the link: interrupts find no channel from now on. */
  detach(): void {
    for (const subscription of this.subscriptions) subscription.unsubscribe();
    this.subscriptions = [];
    this.link = undefined;
    this.newChannel(false);
  }

  /** Sends a message that nobody asked for; false when there is no channel, or too much waits for it. */
  notify(packet: Uint8Array): boolean {
    return this.up && this.enqueue(packet);
  }

  private newChannel(up: boolean): void {
    this.epoch++;
    this.up = up;
    this.greeted = false;
    this.requests = [];
    this.outbox = [];
  }

  private receive(batch: PacketBatch): void {
    this.options.beforeMessages?.();
    for (const packet of batch.packets) {
      this.options.counters.messages_received!++;
      if (!this.busy) this.serve(packet);
      else if (this.requests.length < MAX_REQUESTS) this.requests.push(packet);
      else this.options.counters.dropped_requests_full!++;
    }
  }

  private serve(packet: Uint8Array): void {
    const answer = this.options.answer(packet);
    if (!(answer instanceof Promise)) {
      this.reply(answer);
      return;
    }
    this.busy = true;
    const { epoch } = this;
    void answer.then((reply) => {
      if (epoch === this.epoch) this.reply(reply);
      this.busy = false;
      while (!this.busy && this.requests.length > 0) this.serve(this.requests.shift()!);
    });
  }

  private reply(answer: Uint8Array | undefined): void {
    if (answer === undefined) return;
    this.greeted = true;
    if (!this.enqueue(answer)) this.options.counters.dropped_outbox_full!++;
  }

  private enqueue(packet: Uint8Array): boolean {
    const link = this.link!;
    if (this.outbox.length === 0 && link.room > 0) this.hand(link, packet);
    else if (this.outbox.length < MAX_MESSAGES) this.outbox.push(packet);
    else return false;
    return true;
  }

  private drain(): void {
    const link = this.link!;
    let count = 0;
    while (count < this.outbox.length && link.room > 0) this.hand(link, this.outbox[count++]!);
    this.outbox.splice(0, count);
  }

  private hand(link: PacketLink, packet: Uint8Array): void {
    this.options.counters.messages_sent!++;
    link.send(packet).catch(() => {
      this.options.counters.messages_unsent!++;
    });
  }
}
