import type { Subscription } from 'rxjs';
import type { Time, TimerHandle } from '../../base/clock.js';
import type { Timeouts } from '../../base/timeouts.js';
import type { PacketLink } from '../../link/packet-link.js';
import { decodeMessage } from '../../wire/virtio-msg/message.js';
import type { Dialect, MessageDialect } from '../dialect.js';
import { questionOf, RPMSG_QUESTION, recogniseDialect, srtmQuestion } from './recognise.js';

export interface DialectFinderOptions {
  readonly link: PacketLink;
  readonly time: Time;
  readonly timeouts: Timeouts;
  /** Of the SRTM port that is asked. */
  readonly port: number;
  /** What the other end most likely speaks: nothing else is sent for the first rounds. */
  readonly likely: Dialect | undefined;
  /** A HELLO, where nobody else says it on this link. */
  readonly hello: (() => Uint8Array) | undefined;
  readonly found: (dialect: Dialect) => void;
  /** So many rounds of questions stayed without an answer that says anything. */
  readonly unanswered: (rounds: number) => void;
}

/** Rounds in which only the likely dialect is asked. */
const LIKELY_ROUNDS = 2;
/** Packets that are looked at in one round. */
const MOST_PACKETS = 64;

/**
 * Asks on one channel, in turn, what every firmware of each dialect answers without changing
 * anything, until what comes back says which it is. A reply of one form of rpmsg-gpio may look like an
 * interrupt of the other, so that all that came since the question is judged, a while after it.
 */
export class DialectFinder {
  private readonly subscription: Subscription;
  private timer: TimerHandle | undefined;
  private strangers: Uint8Array[] = [];
  private rounds = 0;

  constructor(private readonly options: DialectFinderOptions) {
    this.subscription = options.link.packets$.subscribe(({ packets }) => this.hear(packets));
  }

  /** Asks first after `delayMs`. */
  start(delayMs: number): void {
    this.timer = this.options.time.set(() => this.ask(), delayMs);
  }

  stop(): void {
    this.subscription.unsubscribe();
    if (this.timer !== undefined) this.options.time.clear(this.timer);
    this.timer = undefined;
  }

  private hear(packets: readonly Uint8Array[]): void {
    for (const packet of packets) {
      const message = decodeMessage(packet);
      if (message.type === 'hello-response' || message.type === 'boot') {
        this.end('virtio-msg');
        return;
      }
      if (message.type === 'dropped' && this.strangers.length < MOST_PACKETS) this.strangers.push(packet);
    }
  }

  private ask(): void {
    const { link, time, timeouts } = this.options;
    this.strangers = [];
    for (const question of this.questions()) {
      // Of a link that is down its state tells.
      link.send(question).catch(() => {});
    }
    const waitMs = Math.min(timeouts.hello * 2 ** Math.min(this.rounds, 10), timeouts.hello_max);
    this.timer = time.set(() => this.judge(), waitMs);
  }

  private judge(): void {
    this.rounds++;
    const dialect = recogniseDialect(this.strangers);
    if (dialect !== undefined) {
      this.end(dialect);
      return;
    }
    this.options.unanswered(this.rounds);
    this.ask();
  }

  private questions(): Uint8Array[] {
    const { likely, hello, port } = this.options;
    if (likely !== undefined && likely !== 'virtio-msg' && this.rounds < LIKELY_ROUNDS) {
      return [questionOf(likely, port)];
    }
    return [...(hello === undefined ? [] : [hello()]), RPMSG_QUESTION, srtmQuestion(port)];
  }

  private end(dialect: Dialect): void {
    this.stop();
    this.options.found(dialect);
  }
}

/** What the name of an rpmsg service says of its dialect: `rpmsg-io-channel` is SRTM's, `rpmsg-io-N` the kernel series'. */
export function dialectOfService(linkName: string): MessageDialect | undefined {
  if (/(^|:)rpmsg-io-channel$/.test(linkName)) return 'srtm';
  return /(^|:)rpmsg-io-\d+$/.test(linkName) ? 'rpmsg-gpio' : undefined;
}
