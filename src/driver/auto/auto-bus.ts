import { BehaviorSubject, type Observable, Subscription, switchMap } from 'rxjs';
import { BridgeError } from '../../base/errors.js';
import { downReason } from '../../link/down-reason.js';
import type { LinkState, PacketLink } from '../../link/packet-link.js';
import type { BusState, BusStatus } from '../bus-status.js';
import type { Dialect, MessageDialect } from '../dialect.js';
import type { PortLayout } from '../message-gpio/layout.js';
import { DIALECT_LIMITS } from '../message-gpio/limits.js';
import { MessageBus } from '../message-gpio/message-bus.js';
import type { RemoteBus, RemoteBusOptions } from '../remote-bus.js';
import type { RemoteGpio } from '../remote-gpio.js';
import { plainProbe } from '../virtio-msg/plain-probe.js';
import { VirtioMsgBus } from '../virtio-msg/virtio-msg-bus.js';
import { DialectFinder, dialectOfService } from './dialect-finder.js';
import { RPMSG_QUESTION, srtmQuestion } from './recognise.js';

export interface AutoBusOptions extends RemoteBusOptions {
  /** The lines of firmware that does not describe them; empty: nothing was said. */
  readonly ports: readonly PortLayout[];
}

/**
 * Dialect `auto`: finds out what the firmware speaks, and becomes the driver for that. HELLO goes
 * first; when it stays unanswered, reads that change nothing in the other dialects go with it. What
 * was found is what the next link begins with; when it stays unanswered, all are asked again.
 */
export class AutoBus implements RemoteBus {
  readonly controllers$: Observable<ReadonlyMap<number, RemoteGpio>>;
  readonly bootId$: Observable<number>;
  readonly state$: Observable<BusState>;

  private readonly drivers: BehaviorSubject<RemoteBus>;
  private readonly states = new BehaviorSubject<BusState>({ kind: 'down', reason: 'no link yet' });
  private found: Dialect | undefined;
  private link: PacketLink | undefined;
  private linkSubscription: Subscription | undefined;
  private driverSubscription: Subscription | undefined;
  private finder: DialectFinder | undefined;
  /** The present driver has this link. */
  private handedOver = false;
  private plainProbes = 0;
  private closed = false;
  private knownBootId: number;

  constructor(private readonly options: AutoBusOptions) {
    this.knownBootId = options.knownBootId ?? 0;
    this.drivers = new BehaviorSubject<RemoteBus>(new VirtioMsgBus(options));
    this.controllers$ = this.drivers.pipe(switchMap((driver) => driver.controllers$));
    this.bootId$ = this.drivers.pipe(switchMap((driver) => driver.bootId$));
    this.state$ = this.states.asObservable();
    this.followDriver();
  }

  get status(): BusStatus {
    return { ...this.driver.status, state: this.states.value, dialect: this.found ?? 'auto' };
  }

  attach(link: PacketLink): void {
    if (this.closed) throw new BridgeError('CLOSED', `${this.options.name}: the driver was closed`);
    this.detach('another link was attached');
    this.link = link;
    const subscription = new Subscription();
    this.linkSubscription = subscription;
    subscription.add(link.state$.subscribe((state) => this.follow(link, state)));
  }

  /** Each dialect's in turn; every other time that of the dialect that was found: the board may be another. */
  plainProbe(): Uint8Array {
    const turn = this.plainProbes++;
    if (this.found === undefined) return this.question(turn % 3);
    return turn % 2 === 0 ? this.driver.plainProbe() : this.question(((turn - 1) / 2) % 3);
  }

  private question(which: number): Uint8Array {
    return which === 0 ? this.hello() : which === 1 ? RPMSG_QUESTION : srtmQuestion(this.port);
  }

  /** It names the boot that is known, so that it resets nothing. */
  private hello(): Uint8Array {
    return plainProbe(this.knownBootId, this.options.random);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.detach('the driver was closed');
    this.driverSubscription?.unsubscribe();
    this.driver.close();
    this.drivers.complete();
    this.states.complete();
  }

  private get driver(): RemoteBus {
    return this.drivers.value;
  }

  private get port(): number {
    return this.options.ports[0]?.port ?? 0;
  }

  private detach(reason: string): void {
    this.linkSubscription?.unsubscribe();
    this.linkSubscription = undefined;
    this.stopFinding();
    this.link = undefined;
    this.handedOver = false;
    this.setState({ kind: 'down', reason });
  }

  private follow(link: PacketLink, state: LinkState): void {
    if (state.kind === 'down') {
      this.detach(downReason(link, state));
    } else if (state.kind === 'opening') {
      this.stopFinding();
      if (!this.handedOver)
        this.setState({ kind: 'down', reason: state.reason ?? `${link.name} is opening` });
    } else if (!this.handedOver || this.driver instanceof VirtioMsgBus) {
      this.begin(link);
    }
  }

  /** A channel is up: says HELLO, unless something else is likely. */
  private begin(link: PacketLink): void {
    const likely = this.found ?? dialectOfService(link.name);
    const saysHello = likely === undefined || likely === 'virtio-msg';
    if (saysHello && this.driver instanceof VirtioMsgBus) {
      if (!this.handedOver) this.handOver(link, false);
      this.find(link, likely, undefined);
      return;
    }
    this.setState({ kind: 'greeting', why: 'what its firmware speaks is being found out' });
    this.find(link, likely, () => this.hello());
  }

  /** What was found is not answered: the board speaks another dialect by now, or was taken for what it is not. */
  private askAgain(probes: number): void {
    const { link, driver, found } = this;
    if (probes < MOST_UNANSWERED || !this.handedOver || link === undefined) return;
    if (!(driver instanceof MessageBus)) return;
    const why = `${found} is not answered any more: what its firmware speaks is being found out again`;
    this.options.log('info', `${this.options.name}: ${why}`);
    this.handedOver = false;
    driver.detach(why);
    this.setState({ kind: 'greeting', why });
    this.find(link, undefined, () => this.hello());
  }

  private handOver(link: PacketLink, unsure: boolean): void {
    this.handedOver = true;
    const { driver } = this;
    if (driver instanceof MessageBus) driver.attach(link, unsure);
    else driver.attach(link);
  }

  private find(link: PacketLink, likely: Dialect | undefined, hello: (() => Uint8Array) | undefined): void {
    this.stopFinding();
    const { time, timeouts } = this.options;
    this.finder = new DialectFinder({
      link,
      time,
      timeouts,
      port: this.port,
      likely,
      hello,
      found: (dialect, unsure) => this.take(link, dialect, unsure),
      unanswered: () => this.stillUnknown(),
    });
    // HELLO is on its way already where the driver says it.
    this.finder.start(hello === undefined ? timeouts.hello : 0);
  }

  private stopFinding(): void {
    this.finder?.stop();
    this.finder = undefined;
  }

  private stillUnknown(): void {
    if (this.states.value.kind !== 'greeting') return;
    this.setState({
      kind: 'greeting',
      why: 'neither HELLO nor a read in any other dialect has been answered yet',
    });
  }

  private take(link: PacketLink, dialect: Dialect, unsure: boolean): void {
    if (link !== this.link) return;
    const { name, log, ports } = this.options;
    if (this.found !== dialect) log('info', `${name}: its firmware speaks ${dialect}`);
    this.stopFinding();
    if (dialect === 'virtio-msg') {
      this.found = dialect;
      if (!(this.driver instanceof VirtioMsgBus)) this.replaceDriver(new VirtioMsgBus(this.driverOptions()));
      if (!this.handedOver) this.handOver(link, false);
      return;
    }
    const problem = portsProblem(dialect, ports);
    if (problem !== undefined) {
      this.withoutLines(dialect, problem);
      return;
    }
    if (this.found !== dialect || !(this.driver instanceof MessageBus)) {
      this.replaceDriver(this.newMessageBus(dialect));
    }
    this.found = dialect;
    this.handOver(link, unsure);
  }

  private newMessageBus(dialect: MessageDialect): MessageBus {
    const unanswered = (probes: number): void => this.askAgain(probes);
    return new MessageBus({ ...this.driverOptions(), dialect, ports: this.usable(dialect), unanswered });
  }

  /** Lines that the dialect cannot make wake the system up are offered all the same, and it is said. */
  private usable(dialect: MessageDialect): readonly PortLayout[] {
    const { name, log, ports } = this.options;
    if (DIALECT_LIMITS[dialect].wakeup || ports.every(({ wakeup }) => wakeup.size === 0)) return ports;
    log('error', `${name}: wakeup is not possible: dialect ${dialect} cannot wake the system up`);
    return ports.map((layout) => ({ ...layout, wakeup: new Set<number>() }));
  }

  /** The firmware is known, and not its lines. */
  private withoutLines(dialect: MessageDialect, problem: string): void {
    const { name, log } = this.options;
    const why = `its firmware speaks ${dialect}, ${problem}`;
    log('error', `${name}: ${why}`);
    this.replaceDriver(new VirtioMsgBus(this.driverOptions()));
    this.found = dialect;
    // Nothing more is sent on this link; its next channel begins anew.
    this.handedOver = false;
    this.setState({ kind: 'greeting', why });
  }

  private replaceDriver(next: RemoteBus): void {
    const before = this.driver;
    this.driverSubscription?.unsubscribe();
    this.handedOver = false;
    before.close();
    this.drivers.next(next);
    this.followDriver();
  }

  private followDriver(): void {
    const { driver } = this;
    this.driverSubscription = new Subscription();
    this.driverSubscription.add(driver.state$.subscribe((state) => this.driverChanged(driver, state)));
    this.driverSubscription.add(
      driver.bootId$.subscribe((bootId) => {
        this.knownBootId = bootId;
      }),
    );
  }

  private driverChanged(driver: RemoteBus, state: BusState): void {
    if (driver instanceof VirtioMsgBus && (state.kind === 'starting' || state.kind === 'up')) {
      // HELLO was answered.
      this.found = 'virtio-msg';
      this.stopFinding();
    }
    if (this.handedOver) this.setState(state);
  }

  private driverOptions(): RemoteBusOptions {
    return { ...this.options, knownBootId: this.knownBootId };
  }

  private setState(state: BusState): void {
    this.states.next(state);
  }
}

/** Reads in the dialect that was found, before all are asked again. */
const MOST_UNANSWERED = 3;

/** What is missing in the configuration for a dialect that was found; undefined: nothing. */
function portsProblem(dialect: MessageDialect, ports: readonly PortLayout[]): string | undefined {
  if (ports.length === 0) {
    return 'which does not describe its lines: add ngpio = N, and names, to its [[coprocessor]]';
  }
  const limits = DIALECT_LIMITS[dialect];
  if (ports.length > 1 && limits.port === 0) return 'which has no ports: give ngpio and names instead';
  const most = Math.max(...ports.map(({ lineCount }) => lineCount));
  return most > limits.lines ? `which has at most ${limits.lines} lines, and ngpio is ${most}` : undefined;
}
