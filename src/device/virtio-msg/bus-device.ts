import type { Subscription } from 'rxjs';
import { BridgeError } from '../../base/errors.js';
import type { PacketBatch, PacketLink } from '../../link/packet-link.js';
import {
  BUS_FEATURE,
  BUS_REVISION,
  type BusMessage,
  DEVICE_STATE,
  encodeBus,
  type HelloRequest,
  IDENT_LENGTH,
  MIN_MAX_MSG_SIZE,
} from '../../wire/virtio-msg/bus.js';
import { decodeMessage } from '../../wire/virtio-msg/message.js';
import { encodeLog, forEachAvail, type VqAvail } from '../../wire/virtio-msg/queue.js';
import { encodeTransport, type TransportMessage } from '../../wire/virtio-msg/transport.js';
import type { VirtioDevice } from '../virtio-device.js';
import { type BusCounters, type BusDrop, decodeDrop, newBusCounters } from './counters.js';
import { devicesAnswer } from './device-list.js';
import { DevicePort } from './device-port.js';
import { Outbox } from './outbox.js';
import { answerTransport } from './transport-requests.js';

/** What a bus may have beyond the plain protocol; all true unless said otherwise. */
export interface BusFeatures {
  /** F_TIME: answers BUS_TIME. EVENT_STAMP needs it. */
  readonly time: boolean;
  /** F_LOG: sends BUS_LOG. */
  readonly log: boolean;
  /** F_RESUME: keeps its state over a channel that broke. */
  readonly resume: boolean;
}

export interface VirtioMsgDeviceBusOptions {
  /** By device number, 1..65535. */
  readonly devices: ReadonlyMap<number, VirtioDevice>;
  /** Never 0; differs after every start of the firmware. */
  readonly bootId: number;
  /** Firmware name and version, up to 32 ASCII characters. */
  readonly ident: string;
  /** The device clock: nanoseconds, monotonic, from 0 at start. */
  readonly now: () => number;
  /** The device clock when bytes arrived, from their CLOCK_MONOTONIC; by default `now`. */
  readonly arrivalTime?: (arrivedNs: bigint) => number;
  readonly features?: Partial<BusFeatures>;
  /** The largest message this side takes; at most what the channel carries is offered. */
  readonly maxMsgSize?: number;
  /** Whether BUS_BOOT is sent when a channel opens; false where nothing can be sent before HELLO came. */
  readonly announceBoot?: boolean;
  /** Called before the messages of one read are processed: what happened before them is to be told first. */
  readonly beforeMessages?: () => void;
  /** Counted on, so that a restart of the firmware does not lose the counts; by default fresh. */
  readonly counters?: BusCounters;
}

const DEFAULT_MAX_MSG_SIZE = 65_535;

/**
 * The device side of the in-band bus (dialect `virtio-msg`): answers HELLO, enumeration and all
 * transport messages, carries the queues of its devices, and resumes after a broken channel.
 * One object is one boot of the firmware; links come and go below it ({@link attach}).
 */
export class VirtioMsgDeviceBus {
  readonly counters: BusCounters;

  private readonly ports = new Map<number, DevicePort>();
  private readonly features: BusFeatures;
  private subscriptions: Subscription[] = [];
  private link: PacketLink | undefined;
  private outbox: Outbox | undefined;
  /** The size agreed on in HELLO; 0: not answered on this channel. */
  private agreedSize = 0;
  private nextToken = (Math.random() * 0xffff) >>> 0;
  private readonly pings = new Map<number, () => void>();

  /** Throws INVALID_ARGUMENT. */
  constructor(private readonly options: VirtioMsgDeviceBusOptions) {
    checkOptions(options);
    this.counters = options.counters ?? newBusCounters();
    this.features = { time: true, log: true, resume: true, ...options.features };
    for (const [devNum, device] of options.devices) {
      this.ports.set(devNum, new DevicePort(devNum, device, this.counters));
    }
  }

  /** Serves a link, in place of the one before; that one is left as it is. */
  attach(link: PacketLink): void {
    this.detach();
    this.link = link;
    this.subscriptions = [
      link.packets$.subscribe((batch) => this.receive(batch)),
      link.room$.subscribe(() => this.pump()),
      link.state$.subscribe((state) => {
        if (state.kind === 'up') this.channelOpened(link);
        else this.channelClosed();
      }),
    ];
  }

  /** Leaves the link: edges are kept from now on, until another is attached. */
  detach(): void {
    for (const subscription of this.subscriptions) subscription.unsubscribe();
    this.subscriptions = [];
    this.link = undefined;
    this.channelClosed();
  }

  /** Whether a driver said HELLO on the present channel. */
  get greeted(): boolean {
    return this.agreedSize > 0;
  }

  /** Whether every device was brought up. */
  get driverOk(): boolean {
    return [...this.ports.values()].every((port) => port.driverOk);
  }

  /** Sends BUS_LOG; `level` as syslog's. Silently nothing without a driver, or without F_LOG. */
  log(level: number, text: string): void {
    if (!this.features.log || !this.greeted) return;
    let shown = text;
    let packet = encodeLog(level, shown);
    while (packet.length > this.agreedSize) {
      shown = shown.slice(0, shown.length - Math.ceil((packet.length - this.agreedSize) / 4));
      packet = encodeLog(level, shown);
    }
    this.outbox?.send(packet);
  }

  /** Asks the driver for a sign of life; resolves with its answer, never where none comes. */
  ping(): Promise<void> {
    if (!this.greeted) return Promise.reject(new BridgeError('LINK_DOWN', 'no driver said HELLO'));
    this.nextToken = (this.nextToken % 0xffff) + 1;
    const token = this.nextToken;
    return new Promise((resolve) => {
      this.pings.set(token, resolve);
      this.outbox?.send(encodeBus({ type: 'ping-request', token, data: token }));
    });
  }

  /** EVENT_DEVICE: a device is ready to be brought up from status 0, or gone. */
  announce(devNum: number, state: keyof typeof DEVICE_STATE): void {
    if (!this.greeted) return;
    this.outbox?.send(encodeBus({ type: 'event-device', devNum, state: DEVICE_STATE[state] }));
  }

  /** The device failed: sets NEEDS_RESET and says so (EVENT_CONFIG). */
  failDevice(devNum: number): void {
    const port = this.ports.get(devNum);
    if (port === undefined) return;
    port.needsReset();
    if (!this.greeted) return;
    const config = { generation: port.device.configGeneration, offset: 0, bytes: new Uint8Array(0) };
    this.outbox?.send(
      encodeTransport({ type: 'event-config', devNum, token: 0, status: port.status, config }),
    );
  }

  private channelOpened(link: PacketLink): void {
    this.channelClosed();
    this.outbox = new Outbox(link, this.options.now, this.counters);
    if (this.options.announceBoot ?? true) {
      this.outbox.send(encodeBus({ type: 'boot', bootId: this.options.bootId }));
    }
  }

  private channelClosed(): void {
    this.agreedSize = 0;
    this.outbox?.clear();
    this.outbox = undefined;
    this.pings.clear();
    for (const port of this.ports.values()) port.connect(undefined, 0);
  }

  private pump(): void {
    this.outbox?.drain();
    for (const port of this.ports.values()) {
      if (port.driverOk) port.device.pump();
    }
  }

  private receive(batch: PacketBatch): void {
    this.options.beforeMessages?.();
    for (const packet of batch.packets) {
      // Answering one may have shown that the channel is gone.
      if (this.outbox === undefined) return;
      this.process(packet, batch.arrivedNs);
    }
    this.pump();
  }

  private process(packet: Uint8Array, arrivedNs: bigint): void {
    this.counters.messages_received!++;
    const message = decodeMessage(packet);
    if (message.type === 'dropped') {
      this.counters[decodeDrop(message.reason)]!++;
    } else if (message.type === 'hello-request') {
      this.hello(message);
    } else if (!this.greeted) {
      this.drop('before_hello');
    } else if (message.type === 'vq-avail') {
      this.buffersAvailable(message);
    } else if ('devNum' in message && message.type !== 'event-device' && message.type !== 'vq-used') {
      this.transport(message);
    } else {
      this.bus(message as BusMessage, arrivedNs);
    }
  }

  private drop(cause: BusDrop): void {
    this.counters[`dropped_${cause}`]!++;
  }

  private hello(request: HelloRequest): void {
    if (request.maxMsgSize < MIN_MAX_MSG_SIZE) {
      this.drop('bad_hello');
      return;
    }
    this.counters.hellos!++;
    const own = Math.min(this.options.maxMsgSize ?? DEFAULT_MAX_MSG_SIZE, this.link!.maxPacket);
    this.agreedSize = Math.min(own, request.maxMsgSize);
    this.outbox!.clear();
    const resumed = this.mayResume(request.knownBootId);
    for (const port of this.ports.values()) {
      if (resumed) port.resume();
      else port.reset();
      port.connect(this.outbox, this.agreedSize);
    }
    if (resumed) this.counters.resumes!++;
    this.outbox!.send(
      encodeBus({
        type: 'hello-response',
        token: request.token,
        revision: Math.min(BUS_REVISION, Math.max(1, request.revision)),
        maxMsgSize: own,
        busFeatures: this.featureBits,
        bootId: this.options.bootId,
        resumed: resumed ? 1 : 0,
        ident: this.options.ident,
      }),
    );
  }

  private mayResume(knownBootId: number): boolean {
    if (!this.features.resume || knownBootId !== this.options.bootId) return false;
    return [...this.ports.values()].every((port) => port.driverOk && port.device.resumable);
  }

  private get featureBits(): number {
    const { time, log, resume } = this.features;
    return (time ? BUS_FEATURE.TIME : 0) | (log ? BUS_FEATURE.LOG : 0) | (resume ? BUS_FEATURE.RESUME : 0);
  }

  private bus(message: BusMessage, arrivedNs: bigint): void {
    switch (message.type) {
      case 'get-devices-request':
        this.outbox!.send(encodeBus(devicesAnswer(message, [...this.ports.keys()], this.agreedSize)));
        return;
      case 'ping-request':
        this.outbox!.send(encodeBus({ ...message, type: 'ping-response' }));
        return;
      case 'time-request':
        this.time(message.token, message.t1, arrivedNs);
        return;
      case 'ping-response':
        this.pinged(message.token);
        return;
      case 'hello-response':
      case 'get-devices-response':
      case 'time-response':
        this.drop('stray_response');
        return;
      default:
        this.drop('wrong_direction');
    }
  }

  /** t3 is set when the answer really leaves. */
  private time(token: number, t1: bigint, arrivedNs: bigint): void {
    if (!this.features.time) {
      this.drop('not_negotiated');
      return;
    }
    const { arrivalTime, now } = this.options;
    const t2 = BigInt(arrivalTime === undefined ? now() : arrivalTime(arrivedNs));
    this.outbox!.send(encodeBus({ type: 'time-response', token, t1, t2, t3: t2 }));
  }

  private pinged(token: number): void {
    const resolve = this.pings.get(token);
    if (resolve === undefined) {
      this.drop('stray_response');
      return;
    }
    this.pings.delete(token);
    resolve();
  }

  private transport(message: TransportMessage): void {
    const port = this.ports.get(message.devNum);
    const answer = answerTransport(message, port, this.agreedSize);
    if (typeof answer === 'string') this.drop(answer);
    else this.outbox!.send(encodeTransport(answer));
  }

  private buffersAvailable(message: VqAvail): void {
    const port = this.ports.get(message.devNum);
    const refusal = port === undefined ? 'unknown_device' : port.refusal(message.vq);
    if (refusal !== undefined) {
      this.drop(refusal);
      return;
    }
    const { packet, vq } = message;
    forEachAvail(message, (id, inLength, at, outLength) => {
      port!.available(vq, id, inLength, packet, at, outLength);
    });
  }
}

function checkOptions(options: VirtioMsgDeviceBusOptions): void {
  const fail = (message: string): never => {
    throw new BridgeError('INVALID_ARGUMENT', message);
  };
  if (options.bootId === 0) fail('a boot_id of 0: it is never 0');
  if (!/^[\x20-\x7e]*$/.test(options.ident) || options.ident.length > IDENT_LENGTH) {
    fail(`the identity ${JSON.stringify(options.ident)}: up to ${IDENT_LENGTH} ASCII characters`);
  }
  if ((options.maxMsgSize ?? MIN_MAX_MSG_SIZE) < MIN_MAX_MSG_SIZE) {
    fail(`max_msg_size ${options.maxMsgSize}: at least ${MIN_MAX_MSG_SIZE}`);
  }
  for (const devNum of options.devices.keys()) {
    if (!Number.isInteger(devNum) || devNum < 1 || devNum > 0xffff) fail(`device number ${devNum}: 1..65535`);
  }
}
