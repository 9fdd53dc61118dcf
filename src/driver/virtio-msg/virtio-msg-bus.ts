import { BehaviorSubject, type Observable, type Subscription } from 'rxjs';
import { BridgeError, messageOf } from '../../base/errors.js';
import { downReason } from '../../link/down-reason.js';
import type { LinkState, PacketBatch, PacketLink } from '../../link/packet-link.js';
import { STATUS } from '../../wire/virtio-gpio.js';
import { DEVICE_STATE, type HelloResponse } from '../../wire/virtio-msg/bus.js';
import type { VqUsed } from '../../wire/virtio-msg/queue.js';
import { type BusState, type BusStatus, sameBusState } from '../bus-status.js';
import { Counters } from '../counters.js';
import { CoprocessorClock } from '../device-clock.js';
import { logLevelOf, printable } from '../driver-log.js';
import type { RemoteBus, RemoteBusOptions } from '../remote-bus.js';
import type { RemoteGpio } from '../remote-gpio.js';
import { SleepTimer } from '../sleep-timer.js';
import { BUS_COUNTERS, featureNames } from './bus-counters.js';
import { BusSession, type SessionListener } from './bus-session.js';
import { DeviceTable, MAX_DEVICES } from './device-table.js';
import { listDevices } from './enumerate.js';
import type { GpioController } from './gpio-controller.js';
import type { Heard } from './last-good.js';
import { plainProbe } from './plain-probe.js';
import { SessionServices } from './session-services.js';

/**
 * The driver of one coprocessor that speaks the in-band bus: the Linux side of dialect
 * `virtio-msg`. It outlives its links: each opening of the port is given to {@link attach}.
 */
export class VirtioMsgBus implements RemoteBus {
  readonly controllers$: Observable<ReadonlyMap<number, RemoteGpio>>;
  readonly bootId$: Observable<number>;
  readonly state$: Observable<BusState>;

  private readonly knownBootId: BehaviorSubject<number>;
  private readonly states = new BehaviorSubject<BusState>({ kind: 'down', reason: 'no link yet' });
  private readonly devices: DeviceTable;
  private readonly tally = new Counters(BUS_COUNTERS);
  private readonly clock: CoprocessorClock;
  private readonly touched = new Set<GpioController>();

  private link: PacketLink | undefined;
  private linkSubscriptions: Subscription[] = [];
  private session: BusSession | undefined;
  private services: SessionServices | undefined;
  private clockReady: Promise<void> = Promise.resolve();
  private readonly sleepTimer: SleepTimer;

  private firmware = '';
  /** Of the last HELLO answer, also of an earlier run; 0 before the first. */
  private bootId: number;
  private announcedBootId = 0;
  private hasTime = false;
  private lastHeardNs: bigint;
  /** When the last question was asked that was answered. */
  private lastAskedNs: bigint;
  /** When this session began to say HELLO. */
  private helloNs: bigint;
  private roundTripNs: number | undefined;
  private closed = false;

  constructor(private readonly options: RemoteBusOptions) {
    this.bootId = options.knownBootId ?? 0;
    this.knownBootId = new BehaviorSubject(this.bootId);
    this.clock = new CoprocessorClock(options.time);
    this.sleepTimer = new SleepTimer(options.time, () => this.checkSleep());
    this.lastHeardNs = options.time.monotonicNs();
    this.lastAskedNs = this.lastHeardNs;
    this.helloNs = this.lastHeardNs;
    this.devices = this.newDeviceTable();
    this.controllers$ = this.devices.controllers$;
    this.bootId$ = this.knownBootId.asObservable();
    this.state$ = this.states.asObservable();
  }

  get controllers(): ReadonlyMap<number, RemoteGpio> {
    return this.devices.controllers;
  }

  get status(): BusStatus {
    const session = this.session;
    return {
      state: this.states.value,
      dialect: 'virtio-msg',
      firmware: this.firmware,
      bootId: this.bootId,
      busFeatures: featureNames(session?.isEstablished === true ? session.busFeatures : 0),
      maxMsgSize: session?.isEstablished === true ? session.maxMsgSize : undefined,
      roundTripNs: this.roundTripNs,
      clock: this.hasTime ? this.clock.report : undefined,
      counters: this.tally.values,
    };
  }

  attach(link: PacketLink): void {
    if (this.closed) throw new BridgeError('CLOSED', `${this.options.name}: the driver was closed`);
    this.detach('another link was attached');
    this.link = link;
    this.linkSubscriptions = [
      link.packets$.subscribe((batch) => this.receive(batch)),
      link.state$.subscribe((state) => this.follow(link, state)),
    ];
  }

  /** A HELLO with the boot that was last brought up, so that looking for it does not reset it. */
  plainProbe(): Uint8Array {
    return plainProbe(this.knownBootId.value, this.options.random);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.detach('the driver was closed');
    this.sleepTimer.stop();
    this.devices.close('the driver was closed');
    this.knownBootId.complete();
    this.states.complete();
  }

  private detach(reason: string): void {
    for (const subscription of this.linkSubscriptions.splice(0)) subscription.unsubscribe();
    this.endChannel(reason);
    this.link = undefined;
  }

  private follow(link: PacketLink, state: LinkState): void {
    if (state.kind === 'up') {
      this.endChannel('a new channel');
      this.announcedBootId = 0;
      for (const controller of this.devices.all()) controller.starting();
      this.startSession(link, state.delivery, this.knownBootId.value);
    } else if (state.kind === 'opening') {
      this.endChannel(state.reason ?? `${link.name} is opening`);
    } else {
      this.detach(downReason(link, state));
    }
  }

  /** The channel is gone, and all that was on its way. */
  private endChannel(reason: string): void {
    if (this.session !== undefined) {
      this.endSession(reason);
      for (const controller of this.devices.all()) controller.channelLost(reason, this.heard);
    }
    this.setState({ kind: 'down', reason });
  }

  private endSession(reason: string): void {
    this.flushTouched();
    this.services?.stop();
    this.services = undefined;
    this.devices.stop();
    this.session?.end(new BridgeError('LINK_DOWN', `${this.options.name}: ${reason}`));
    this.session = undefined;
  }

  private startSession(link: PacketLink, delivery: 'reliable' | 'plain', knownBootId: number): void {
    const { name, time, timeouts, random } = this.options;
    const session = new BusSession({
      name,
      link,
      delivery,
      time,
      timeouts,
      random,
      counters: this.tally,
      listener: this.listener(() => session === this.session),
    });
    this.session = session;
    this.helloNs = time.monotonicNs();
    this.setState({ kind: 'greeting', why: 'HELLO has not been answered yet' });
    session.start(knownBootId);
  }

  /** Says HELLO again on a channel that stays. */
  private helloAgain(why: string, knownBootId: number): void {
    const { link, session } = this;
    if (link === undefined || session === undefined) return;
    this.options.log('info', `${this.options.name}: HELLO again: ${why}`);
    const { delivery } = session;
    this.endSession(why);
    this.startSession(link, delivery, knownBootId);
  }

  /** What the session says, as long as it is the present one. */
  private listener(isCurrent: () => boolean): SessionListener {
    const guard =
      <A extends unknown[]>(handle: (...args: A) => void) =>
      (...args: A): void => {
        if (isCurrent()) handle(...args);
      };
    return {
      established: guard((answer) => this.established(answer)),
      unanswered: guard((hellos) => this.unanswered(hellos)),
      booted: guard((bootId) => this.booted(bootId)),
      used: (message) => this.used(message),
      brokenUsed: guard((devNum) => this.brokenUsed(devNum)),
      configChanged: guard((devNum, status, generation) => this.configChanged(devNum, status, generation)),
      deviceChanged: guard((devNum, state) => this.deviceChanged(devNum, state)),
      logged: guard((level, text) => this.logged(level, text)),
      refused: guard((error) => this.refused(error)),
    };
  }

  private get heard(): Heard {
    return { askedNs: this.lastAskedNs, heardNs: this.lastHeardNs };
  }

  private receive(batch: PacketBatch): void {
    this.checkSleep();
    this.lastHeardNs = batch.arrivedNs;
    this.tally.count('packets_received', batch.packets.length);
    for (const packet of batch.packets) this.session?.receive(packet);
    this.flushTouched();
  }

  private used(message: VqUsed): void {
    const controller = this.devices.controller(message.devNum);
    if (controller === undefined) {
      this.tally.count('used_unknown_device');
      return;
    }
    controller.take(message, Number(this.lastHeardNs / 1_000_000n));
    this.touched.add(controller);
  }

  /** Hands on the events so far, before something else that came after them. */
  private flushTouched(): void {
    if (this.touched.size === 0) return;
    for (const controller of this.touched) controller.flush(this.lastHeardNs);
    this.touched.clear();
  }

  private established(answer: HelloResponse): void {
    const session = this.session!;
    const resumed =
      answer.resumed === 1 && this.knownBootId.value !== 0 && answer.bootId === this.knownBootId.value;
    if (!resumed) this.restarted();
    if (answer.bootId !== this.bootId) this.clock.estimator.reset();
    this.bootId = answer.bootId;
    this.firmware = answer.ident;
    this.lastAskedNs = this.helloNs;
    this.hasTime = session.hasTime;
    if (!resumed) this.setKnownBootId(0);
    this.tally.count(resumed ? 'sessions_resumed' : 'sessions_started');
    this.setState({ kind: 'starting' });
    this.services = this.newServices(session);
    this.clockReady = this.services.start();
    if (this.hasTime) this.sleepTimer.start();
    void this.takeDevices(session, resumed);
  }

  /** From here on clock and answers are of another boot, and say nothing of what became of the last one. */
  private restarted(): void {
    for (const controller of this.devices.all()) {
      controller.stateLost('FIRMWARE_RESTARTED', 'the firmware restarted', this.heard);
    }
  }

  private newServices(session: BusSession): SessionServices {
    const { time, timeouts } = this.options;
    return new SessionServices({
      session,
      clock: this.clock,
      time,
      timeouts,
      counters: this.tally,
      arrivedNs: () => this.lastHeardNs,
      measured: (roundTripNs, askedNs) => {
        this.roundTripNs = roundTripNs;
        this.lastAskedNs = askedNs;
      },
      silent: () => this.silent(),
      controllers: () => this.devices.all(),
      recover: () => this.recoverPlain(),
    });
  }

  private async takeDevices(session: BusSession, resumed: boolean): Promise<void> {
    const { name, log } = this.options;
    try {
      const devices = await listDevices(session, MAX_DEVICES);
      if (session === this.session) await this.devices.take(session, devices, resumed);
    } catch (error) {
      if (session !== this.session) return;
      log('warn', `${name}: the devices could not be listed: ${messageOf(error)}`);
      this.helloAgain('the devices could not be listed', this.knownBootId.value);
      return;
    }
  }

  private newDeviceTable(): DeviceTable {
    const { name, time, timeouts, log, onRestart } = this.options;
    return new DeviceTable({
      busName: name,
      time,
      timeouts,
      log,
      onRestart,
      clock: () => (this.hasTime ? this.clock : undefined),
      firmware: () => this.firmware,
      clockReady: () => this.clockReady,
      heard: () => this.heard,
      changed: () => this.devicesChanged(),
    });
  }

  private devicesChanged(): void {
    if (this.closed || this.session?.isEstablished !== true) return;
    if (!this.devices.allRun) {
      if (this.states.value.kind === 'up') this.setState({ kind: 'starting' });
      return;
    }
    this.setKnownBootId(this.bootId);
    if (this.states.value.kind === 'up') return;
    this.setState({ kind: 'up' });
    this.services?.sampleClock();
  }

  private unanswered(hellos: number): void {
    const { name, log } = this.options;
    for (const controller of this.devices.all()) controller.starting();
    log(hellos === 1 ? 'warn' : 'debug', `${name}: ${hellos} HELLO without an answer so far`);
  }

  private booted(bootId: number): void {
    if (bootId === this.bootId) return;
    this.flushTouched();
    const isNews = bootId !== this.announcedBootId;
    this.announcedBootId = bootId;
    if (!isNews && this.session?.isEstablished !== true) return;
    this.tally.count('boots_announced');
    this.setKnownBootId(0);
    this.restarted();
    if (this.session?.isEstablished === true) this.helloAgain('the firmware restarted', 0);
    else this.session?.startAgain();
  }

  /** The channel works, as far as the link knows, and the bus does not answer. */
  private silent(): void {
    for (const controller of this.devices.all()) controller.channelLost('no answer to PING', this.heard);
    this.helloAgain('no answer to PING', this.knownBootId.value);
  }

  private recoverPlain(): boolean {
    if (this.session?.canResume !== true || this.knownBootId.value === 0) return false;
    for (const controller of this.devices.all()) controller.pauseForHello();
    this.helloAgain('something may have been lost on the PLAIN channel', this.knownBootId.value);
    return true;
  }

  private refused(error: unknown): void {
    const { name, log } = this.options;
    log('warn', `${name}: the link refused a packet: ${messageOf(error)}`);
    this.tally.count('sends_refused');
    for (const controller of this.devices.all()) controller.channelLost('a packet was refused', this.heard);
    this.helloAgain('the link refused a packet', this.knownBootId.value);
  }

  private configChanged(devNum: number, status: number, generation: number): void {
    this.flushTouched();
    const known =
      (status & STATUS.NEEDS_RESET) !== 0
        ? this.devices.reset(devNum, 'it asked for it (NEEDS_RESET)')
        : this.devices.configChanged(devNum, generation);
    if (!known) this.tally.count('events_unknown_device');
  }

  private deviceChanged(devNum: number, state: number): void {
    this.flushTouched();
    if (devNum !== 0 && state === DEVICE_STATE.REMOVED) this.devices.remove(devNum);
    else if (devNum !== 0 && state === DEVICE_STATE.READY) this.devices.ready(this.session!, devNum);
    else this.tally.count('events_unknown_device');
  }

  private brokenUsed(devNum: number): void {
    this.flushTouched();
    this.devices.reset(devNum, 'a VQ_USED of it does not parse');
  }

  private logged(level: number, text: string): void {
    const { name, log } = this.options;
    this.tally.count('log_messages');
    log(logLevelOf(level), `${name} says: ${printable(text)}`);
  }

  private setKnownBootId(bootId: number): void {
    if (this.knownBootId.value !== bootId) this.knownBootId.next(bootId);
  }

  private setState(state: BusState): void {
    if (!sameBusState(state, this.states.value)) this.states.next(state);
  }

  /** After a sleep the mapping is worth little until there are new samples. */
  private checkSleep(): void {
    if (this.clock.checkSleep()) this.services?.sampleClock();
  }
}
