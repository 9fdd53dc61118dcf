import { BehaviorSubject, type Observable, type Subscription } from 'rxjs';
import type { TimerHandle } from '../../base/clock.js';
import { BridgeError, messageOf } from '../../base/errors.js';
import { downReason } from '../../link/down-reason.js';
import type { LinkState, PacketBatch, PacketLink } from '../../link/packet-link.js';
import type { BusState, BusStatus } from '../bus-status.js';
import { Counters } from '../counters.js';
import type { MessageDialect } from '../dialect.js';
import type { RemoteBus, RemoteBusOptions } from '../remote-bus.js';
import type { RemoteGpio } from '../remote-gpio.js';
import { Exchange } from './exchange.js';
import type { PortLayout } from './layout.js';
import { MessageController } from './message-controller.js';
import { rpmsgRules } from './rpmsg-rules.js';
import type { DialectRules } from './rules.js';
import { srtmRules } from './srtm-rules.js';

export interface MessageBusOptions extends RemoteBusOptions {
  readonly dialect: MessageDialect;
  /** At least one; several in SRTM alone. */
  readonly ports: readonly PortLayout[];
  /** So many reads in a row stayed unanswered. */
  readonly unanswered?: (probes: number) => void;
}

const COUNTERS = [
  'packets_received',
  'probes_sent',
  'requests_sent',
  'requests_answered',
  'requests_failed',
  'requests_timed_out',
  'requests_refused',
  'late_replies',
  'unexpected_replies',
  'channels_renewed',
  'events_unknown_line',
  'sends_refused',
];

/** The driver of firmware that speaks `rpmsg-gpio`, `rpmsg-gpio-v14` or `srtm` (docs/dialects.md). */
export class MessageBus implements RemoteBus {
  readonly controllers$: Observable<ReadonlyMap<number, RemoteGpio>>;
  /** Such firmware does not say when it starts anew. */
  readonly bootId$: Observable<number> = new BehaviorSubject(0);
  readonly state$: Observable<BusState>;

  private readonly states = new BehaviorSubject<BusState>({ kind: 'down', reason: 'no link yet' });
  private readonly controllers: ReadonlyMap<number, MessageController>;
  /** None until the firmware has answered. */
  private readonly announced = new BehaviorSubject<ReadonlyMap<number, RemoteGpio>>(new Map());
  private readonly rules: DialectRules;
  private readonly exchange: Exchange;
  private readonly tally = new Counters(COUNTERS);
  private link: PacketLink | undefined;
  private linkSubscriptions: Subscription[] = [];
  private watchTimer: TimerHandle | undefined;
  private lastHeardNs: bigint;
  /** The channel goes and comes at our own wish. */
  private renewing = false;
  /** When the channel before this one was last heard, until this one is. */
  private heardBeforeNs: bigint | undefined;
  /** Answers to what others asked on the link may still come on its first channel. */
  private unsure = false;
  private closed = false;

  constructor(private readonly options: MessageBusOptions) {
    const { dialect, ports, time, timeouts } = options;
    this.rules = rulesOf(dialect);
    this.lastHeardNs = time.monotonicNs();
    const probe = this.rules.probe({ port: ports[0]!.port, line: 0 });
    this.exchange = new Exchange({
      rules: this.rules,
      time,
      timeouts,
      counters: this.tally,
      probe,
      send: (packet) => this.send(packet),
      renew: () => this.renew(),
      listener: {
        ready: (anew, renewed) => void this.ready(anew, renewed),
        silent: (probes) => this.silent(probes),
      },
    });
    this.controllers = new Map(ports.map((layout) => [layout.port, this.newController(layout)]));
    this.controllers$ = this.announced.asObservable();
    this.state$ = this.states.asObservable();
  }

  get status(): BusStatus {
    return {
      state: this.states.value,
      dialect: this.rules.dialect,
      firmware: '',
      bootId: 0,
      busFeatures: [],
      maxMsgSize: undefined,
      roundTripNs: this.exchange.roundTripNs,
      clock: undefined,
      counters: this.tally.values,
    };
  }

  /** `unsure`: answers to what somebody else asked on this link may still come. */
  attach(link: PacketLink, unsure = false): void {
    if (this.closed) throw new BridgeError('CLOSED', `${this.options.name}: the driver was closed`);
    this.detach('another link was attached');
    this.link = link;
    this.unsure = unsure;
    this.linkSubscriptions = [
      link.packets$.subscribe((batch) => this.receive(batch)),
      link.state$.subscribe((state) => this.follow(link, state)),
    ];
  }

  /** The read that every firmware of the dialect answers. */
  plainProbe(): Uint8Array {
    return this.rules.encode(this.rules.probe({ port: this.options.ports[0]!.port, line: 0 }));
  }

  close(): void {
    if (this.closed) return;
    this.detach('the driver was closed');
    this.closed = true;
    this.exchange.close();
    this.each((controller) => controller.close('the driver was closed'));
    this.announced.complete();
    this.states.complete();
  }

  private newController(layout: PortLayout): MessageController {
    const { name, ports, time, timeouts, log, onRestart } = this.options;
    return new MessageController({
      name: ports.length > 1 ? `${name}.${layout.port}` : name,
      layout,
      rules: this.rules,
      exchange: this.exchange,
      time,
      timeouts,
      log,
      onRestart,
    });
  }

  /** Lets go of the link, which is another's from now on. */
  detach(reason: string): void {
    for (const subscription of this.linkSubscriptions.splice(0)) subscription.unsubscribe();
    this.renewing = false;
    this.heardBeforeNs = undefined;
    this.endChannel(reason);
    this.link = undefined;
  }

  private follow(link: PacketLink, state: LinkState): void {
    if (state.kind === 'up') this.beginChannel(link, state.delivery);
    else if (state.kind === 'down') this.detach(downReason(link, state));
    else if (this.renewing) this.exchange.down(false);
    else this.endChannel(state.reason ?? `${link.name} is opening`);
  }

  private beginChannel(link: PacketLink, delivery: 'reliable' | 'plain'): void {
    if (!this.renewing) {
      this.endChannel('a new channel');
      this.each((controller) => controller.starting());
      this.setState({ kind: 'greeting', why: this.unanswered(0) });
    }
    this.renewing = false;
    this.watchSilence(delivery);
    const { unsure } = this;
    this.unsure = false;
    this.exchange.up(canRenew(link), unsure);
  }

  private endChannel(reason: string): void {
    this.stopWatch();
    this.exchange.down(true);
    if (this.states.value.kind !== 'down')
      this.each((controller) => controller.lost(reason, this.lastHeardNs));
    this.setState({ kind: 'down', reason });
  }

  private receive({ arrivedNs, packets }: PacketBatch): void {
    if (!this.renewing) this.hearAgain(arrivedNs);
    this.lastHeardNs = arrivedNs;
    this.tally.count('packets_received', packets.length);
    for (const packet of packets) this.take(packet);
    this.each((controller) => controller.flush(arrivedNs));
  }

  /** Interrupts may have gone to the endpoint that was: what comes from now on does not. */
  private hearAgain(arrivedNs: bigint): void {
    const fromNs = this.heardBeforeNs;
    if (fromNs === undefined) return;
    this.heardBeforeNs = undefined;
    this.each((controller) => controller.renewed(fromNs, arrivedNs));
  }

  private take(packet: Uint8Array): void {
    const inbound = this.rules.decode(packet);
    switch (inbound.kind) {
      case 'reply':
        // What the packets before it said is told before whatever follows from the reply.
        this.each((controller) => controller.flush(this.lastHeardNs));
        this.exchange.reply(inbound);
        break;
      case 'interrupt': {
        const controller = this.controllers.get(inbound.port);
        if (controller?.interrupt(inbound.line) !== true) this.tally.count('events_unknown_line');
        break;
      }
      case 'dropped':
        this.tally.count(`dropped_${inbound.reason.replaceAll('-', '_')}`);
        break;
    }
  }

  private send(packet: Uint8Array): void {
    this.link?.send(packet).catch((error: unknown) => {
      this.tally.count('sends_refused');
      this.options.log('debug', `${this.options.name}: the link refused a packet: ${messageOf(error)}`);
    });
  }

  /** Earlier replies cannot reach the channel that comes: nothing is owed on it. */
  private renew(): void {
    this.renewing = true;
    this.heardBeforeNs ??= this.lastHeardNs;
    this.options.log('info', `${this.options.name}: a reply stayed away: the endpoint is made anew`);
    this.link?.renew?.();
  }

  private silent(probes: number): void {
    const { name, log } = this.options;
    log(probes === 1 ? 'warn' : 'debug', `${name}: ${this.unanswered(probes)}`);
    if (this.states.value.kind === 'up') {
      this.each((controller) => controller.lost('the firmware does not answer', this.lastHeardNs));
    }
    this.setState({ kind: 'greeting', why: this.unanswered(probes) });
    this.options.unanswered?.(probes);
  }

  private unanswered(probes: number): string {
    const tried = probes === 0 ? 'has not been answered yet' : `was sent ${probes} times without an answer`;
    return `a read in dialect ${this.rules.dialect} ${tried}`;
  }

  private async ready(anew: boolean, renewed: boolean): Promise<void> {
    if (!anew) {
      // A line is masked that has sent its interrupt to the endpoint that was.
      if (renewed) this.each((controller) => controller.interrupts.armAgain());
      return;
    }
    this.each((controller) => controller.starting());
    this.setState({ kind: 'starting' });
    const { link } = this;
    for (const controller of this.controllers.values()) {
      if (!(await controller.open()) || link !== this.link) return;
    }
    if (this.announced.value.size === 0) this.announced.next(this.controllers);
    this.setState({ kind: 'up' });
    this.exchange.hold(false);
  }

  /**
   * An interrupt may be lost on a PLAIN channel, and leave its line masked for ever. On others firmware may
   * leave one out: there a level is read, which disturbs nothing, and arms the line again only if it is wrong.
   */
  private watchSilence(delivery: 'reliable' | 'plain'): void {
    const { time, timeouts } = this.options;
    const limit = delivery === 'plain' ? timeouts.plain_event_silence : timeouts.level_look;
    this.stopWatch();
    this.watchTimer = time.set(() => {
      const sinceMs = Number(time.monotonicNs()) / 1e6 - limit;
      this.each(({ interrupts }) => {
        if (delivery === 'plain') interrupts.armAgain(sinceMs);
        else interrupts.look(sinceMs);
      });
      this.watchSilence(delivery);
    }, limit / 4);
  }

  private stopWatch(): void {
    if (this.watchTimer !== undefined) this.options.time.clear(this.watchTimer);
    this.watchTimer = undefined;
  }

  private each(work: (controller: MessageController) => void): void {
    for (const controller of this.controllers.values()) work(controller);
  }

  private setState(state: BusState): void {
    this.states.next(state);
  }
}

function rulesOf(dialect: MessageDialect): DialectRules {
  return dialect === 'srtm' ? srtmRules : rpmsgRules(dialect);
}

function canRenew(link: PacketLink): boolean {
  return link.renew !== undefined;
}
