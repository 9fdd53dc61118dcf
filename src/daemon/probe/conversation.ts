import type { Subscription } from 'rxjs';
import type { Timeouts } from '../../base/timeouts.js';
import { HARMLESS_QUESTIONS, recogniseDialect } from '../../driver/auto/recognise.js';
import { plainProbe } from '../../driver/virtio-msg/plain-probe.js';
import type { ByteStream, StreamEnd } from '../../link/byte-stream.js';
import type { LinkObserver } from '../../link/link-observer.js';
import type { LinkState } from '../../link/packet-link.js';
import { lineOffer } from '../../link/serial/line-offer.js';
import { SerialLink } from '../../link/serial/serial-link.js';
import type { StreamUrl } from '../../link/url.js';
import { describeBus } from './describe-bus.js';
import type { Heard } from './heard.js';
import type { ProbeOptions } from './probe.js';
import type { FirmwareFound, LinkFound } from './report.js';
import { type Hello, sayHello } from './say-hello.js';

/** How a conversation came out. */
export type Outcome =
  | { readonly kind: 'answered'; readonly firmware: FirmwareFound }
  /** It answered HELLO, and then no more. */
  | { readonly kind: 'broken'; readonly error: unknown }
  | { readonly kind: 'down'; readonly end: StreamEnd }
  | { readonly kind: 'session' }
  | { readonly kind: 'echo' }
  | { readonly kind: 'nothing' };

export interface ConversationOptions extends ProbeOptions {
  readonly timeouts: Timeouts;
}

/** After a session opens, a device says which boot it is; one that does has done so after this. */
const BOOT_MS = 150;
/** Answers to questions in other dialects have come after this. */
const STRANGERS_MS = 500;

/** One try to talk with whatever is behind a byte stream, in the order that disturbs it least. */
export class Conversation {
  /** What was opened last; null while nothing was. */
  link: LinkFound | null = null;

  private readonly serial: SerialLink;
  private readonly ownWindow: number;
  private readonly sentSessions = new Set<number>();
  private readonly subscriptions: Subscription[] = [];
  private hello: Hello | undefined;
  private hasWarned = false;
  private plainProbes = 0;
  private finish: (outcome: Outcome) => void = () => undefined;

  constructor(
    url: StreamUrl,
    stream: ByteStream,
    private readonly heard: Heard,
    private readonly options: ConversationOptions,
  ) {
    const { time, random } = options;
    this.ownWindow = lineOffer(stream.bytesPerSecond).window;
    this.serial = new SerialLink(stream.name, stream, {
      role: 'driver',
      // PLAIN devices are found by a HELLO only.
      mode: options.hello ? url.mode : 'reliable',
      time,
      random,
      timeouts: options.timeouts,
      observer: this.observer(),
      plainProbe: () => this.plainProbe(),
    });
  }

  /** Resolves with what came of it; call it once. */
  run(): Promise<Outcome> {
    return new Promise((resolve) => {
      const timer = this.options.time.set(() => this.finish({ kind: 'nothing' }), this.options.limitMs);
      this.finish = (outcome) => {
        this.options.time.clear(timer);
        this.hello?.end();
        resolve(outcome);
      };
      this.subscriptions.push(this.serial.state$.subscribe((state) => this.follow(state)));
    });
  }

  async close(): Promise<void> {
    for (const subscription of this.subscriptions.splice(0)) subscription.unsubscribe();
    await this.serial.close();
  }

  /** What a PLAIN device of each dialect answers, in turn: a HELLO first. */
  private plainProbe(): Uint8Array {
    const turn = this.plainProbes++ % (1 + HARMLESS_QUESTIONS.length);
    if (turn > 0) return HARMLESS_QUESTIONS[turn - 1]!;
    const { bootId } = this.heard;
    if (bootId === undefined) this.warnOfReset();
    return plainProbe(bootId ?? 0, this.options.random);
  }

  private follow(state: LinkState): void {
    this.hello?.end();
    if (state.kind === 'down') this.finish({ kind: 'down', end: state });
    if (state.kind !== 'up') return;
    const reliable = state.delivery === 'reliable';
    this.link = {
      delivery: state.delivery,
      window: reliable ? Math.min(this.ownWindow, this.heard.window ?? this.ownWindow) : null,
      maxPayload: reliable ? this.serial.maxPacket : null,
    };
    if (!this.options.hello) this.finish({ kind: 'session' });
    else this.options.time.set(() => this.greet(state), reliable ? BOOT_MS : 0);
  }

  /** With the boot_id that the device has just said, so that one that runs goes on undisturbed. */
  private greet(state: LinkState & { readonly kind: 'up' }): void {
    if (this.serial.state !== state) return;
    const knownBootId = this.heard.bootId ?? 0;
    if (knownBootId === 0) this.warnOfReset();
    const { time, random, timeouts } = this.options;
    const { delivery } = state;
    const hello = sayHello({
      link: this.serial,
      delivery,
      knownBootId,
      time,
      random,
      timeouts,
      onQuestions: () => time.set(() => this.judgeStrangers(), STRANGERS_MS),
    });
    this.hello = hello;
    void hello.answer
      .then((answer) => describeBus(hello, answer, knownBootId, { time, timeouts }))
      .then(
        (firmware) => this.finish({ kind: 'answered', firmware }),
        (error) => {
          // Ended by a channel that broke: the next one has another try.
          if (this.hello === hello && this.serial.state === state) this.finish({ kind: 'broken', error });
        },
      );
  }

  /** Whoever answers in another dialect will not answer HELLO. */
  private judgeStrangers(): void {
    if (recogniseDialect(this.heard.strangers) !== undefined) this.finish({ kind: 'nothing' });
  }

  private warnOfReset(): void {
    if (this.hasWarned) return;
    this.hasWarned = true;
    this.options.beforeReset();
  }

  /** Sees whether what is sent comes back. */
  private observer(): LinkObserver {
    return {
      sent: (frames) => {
        for (const frame of frames) if (frame.kind === 'rst') this.sentSessions.add(frame.session);
      },
      received: (frame) => {
        if (frame.kind === 'rst' && this.sentSessions.has(frame.session)) this.finish({ kind: 'echo' });
      },
      discarded: () => undefined,
    };
  }
}
