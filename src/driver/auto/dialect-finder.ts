import type { Subscription } from 'rxjs';
import type { Time, TimerHandle } from '../../base/clock.js';
import type { Timeouts } from '../../base/timeouts.js';
import type { PacketLink } from '../../link/packet-link.js';
import { decodeMessage } from '../../wire/virtio-msg/message.js';
import type { Dialect, MessageDialect } from '../dialect.js';
import {
  isDone,
  isReplyOf,
  questionOf,
  RPMSG_QUESTION,
  recogniseDialect,
  srtmQuestion,
} from './recognise.js';

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
  /** `unsure`: answers to what was asked may still come. */
  readonly found: (dialect: Dialect, unsure: boolean) => void;
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
  /** What came since the present questions, and since those before them. */
  private strangers: Uint8Array[] = [];
  private earlier: Uint8Array[] = [];
  /** How many questions there were, when, and when the last of what came did. */
  private asked = 0;
  private askedNs = 0n;
  private heardNs = 0n;
  private rounds = 0;

  constructor(private readonly options: DialectFinderOptions) {
    this.subscription = options.link.packets$.subscribe(({ packets, arrivedNs }) => {
      this.hear(packets, arrivedNs);
    });
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

  private hear(packets: readonly Uint8Array[], arrivedNs: bigint): void {
    for (const packet of packets) {
      const message = decodeMessage(packet);
      if (message.type === 'hello-response' || message.type === 'boot') {
        this.end('virtio-msg', false);
        return;
      }
      if (message.type === 'dropped') this.heardNs = arrivedNs;
      if (message.type === 'dropped' && this.strangers.length < MOST_PACKETS) this.strangers.push(packet);
    }
  }

  private ask(): void {
    const { link, time, timeouts } = this.options;
    this.earlier = this.strangers;
    this.strangers = [];
    const questions = this.questions();
    this.asked = questions.length;
    this.askedNs = time.monotonicNs();
    for (const question of questions) {
      // Of a link that is down its state tells.
      link.send(question).catch(() => {});
    }
    const waitMs = Math.min(timeouts.hello * 2 ** Math.min(this.rounds, 10), timeouts.hello_max);
    this.timer = time.set(() => this.judge(), waitMs);
  }

  private judge(): void {
    this.rounds++;
    const dialect =
      recogniseDialect(this.strangers) ?? recogniseDialect([...this.earlier, ...this.strangers]);
    if (dialect !== undefined) {
      this.end(dialect, this.isUnsure(dialect));
      return;
    }
    this.options.unanswered(this.rounds);
    this.ask();
  }

  /**
   * Whether what came is late, so that more may be on its way; or is nothing but refusals, and fewer than
   * there were questions: then they may be of an earlier HELLO. Firmware may drop what it does not
   * know, but has answered the read that it does.
   */
  private isUnsure(dialect: MessageDialect): boolean {
    const { timeouts } = this.options;
    if (Number(this.heardNs - this.askedNs) / 1e6 > timeouts.reply_settle) return true;
    if (dialect === 'srtm') return false;
    const replies = this.strangers.filter((packet) => isReplyOf(dialect, packet));
    return !replies.some(isDone) && replies.length < this.asked;
  }

  private questions(): Uint8Array[] {
    const { likely, hello, port } = this.options;
    if (likely !== undefined && likely !== 'virtio-msg' && this.rounds < LIKELY_ROUNDS) {
      return [questionOf(likely, port)];
    }
    return [...(hello === undefined ? [] : [hello()]), RPMSG_QUESTION, srtmQuestion(port)];
  }

  private end(dialect: Dialect, unsure: boolean): void {
    this.stop();
    this.options.found(dialect, unsure);
  }
}

/** What the name of an rpmsg service says of its dialect: `rpmsg-io-channel` is SRTM's, `rpmsg-io-N` the kernel series'. */
export function dialectOfService(linkName: string): MessageDialect | undefined {
  if (/(^|:)rpmsg-io-channel$/.test(linkName)) return 'srtm';
  return /(^|:)rpmsg-io-\d+$/.test(linkName) ? 'rpmsg-gpio' : undefined;
}
