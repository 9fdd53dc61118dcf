import type { Time, TimerHandle } from '../../base/clock.js';
import type { BridgeError } from '../../base/errors.js';
import type { Timeouts } from '../../base/timeouts.js';
import type { PacketLink } from '../../link/packet-link.js';
import { u16 } from '../../wire/bytes.js';
import {
  BUS_FEATURE,
  BUS_REVISION,
  encodeBus,
  type HelloResponse,
  MIN_MAX_MSG_SIZE,
} from '../../wire/virtio-msg/bus.js';
import { BUS, type DroppedMessage } from '../../wire/virtio-msg/header.js';
import { decodeMessage, type Message } from '../../wire/virtio-msg/message.js';
import type { VqUsed } from '../../wire/virtio-msg/queue.js';
import type { Counters } from '../counters.js';
import { CallTable } from './call-table.js';
import { Outbox } from './outbox.js';

/** What a session tells the bus, in the order of the wire. */
export interface SessionListener {
  /** The answer to the latest HELLO: the session is established. */
  established(answer: HelloResponse): void;
  /** A HELLO stayed unanswered; this many so far. */
  unanswered(hellos: number): void;
  booted(bootId: number): void;
  used(message: VqUsed): void;
  /** A VQ_USED of this device did not parse. */
  brokenUsed(devNum: number): void;
  configChanged(devNum: number, status: number, generation: number): void;
  deviceChanged(devNum: number, state: number): void;
  logged(level: number, text: string): void;
  /** The link refused a packet although it had room. */
  refused(error: unknown): void;
}

export interface SessionOptions {
  readonly name: string;
  readonly link: PacketLink;
  readonly delivery: 'reliable' | 'plain';
  readonly time: Time;
  readonly timeouts: Timeouts;
  /** 0 <= random() < 1, for first tokens. */
  readonly random: () => number;
  readonly counters: Counters;
  readonly listener: SessionListener;
}

/** Bus requests unanswered at a time, on a channel with flow control and on one without. */
const CALLS_IN_FLIGHT = { reliable: 64, plain: 4 } as const;
/** Times a bus request is sent, within its one time limit. */
const CALL_ATTEMPTS = { reliable: 1, plain: 3 } as const;

/**
 * One conversation with the coprocessor, from HELLO until the channel breaks, the firmware
 * restarts, or the driver says HELLO again (docs/protocol.md, "HELLO"). Single-use.
 */
export class BusSession {
  readonly calls: CallTable;
  readonly outbox: Outbox;
  /** The largest message both sides take; agreed by HELLO. */
  maxMsgSize = MIN_MAX_MSG_SIZE;
  /** bus_features of the answer. */
  busFeatures = 0;

  private state: 'new' | 'hello' | 'established' | 'ended' = 'new';
  private helloToken: number;
  private hellos = 0;
  private knownBootId = 0;
  private timer: TimerHandle | undefined;

  constructor(private readonly options: SessionOptions) {
    const { link, delivery, time, timeouts, random, listener, name } = options;
    this.outbox = new Outbox(link, () => this.maxMsgSize);
    this.outbox.onRefused = (error) => listener.refused(error);
    this.calls = new CallTable({
      timers: time,
      send: (packet) => this.outbox.send(packet),
      limitMs: timeouts.request,
      attempts: CALL_ATTEMPTS[delivery],
      inFlight: CALLS_IN_FLIGHT[delivery],
      name,
      firstToken: Math.floor(random() * 0x10000),
    });
    this.helloToken = Math.floor(random() * 0xffff);
  }

  get delivery(): 'reliable' | 'plain' {
    return this.options.delivery;
  }

  get isEstablished(): boolean {
    return this.state === 'established';
  }

  get hasTime(): boolean {
    return (this.busFeatures & BUS_FEATURE.TIME) !== 0;
  }

  get canResume(): boolean {
    return (this.busFeatures & BUS_FEATURE.RESUME) !== 0;
  }

  /** Says HELLO, again with growing pauses until it is answered. `knownBootId` 0: start anew. */
  start(knownBootId: number): void {
    this.knownBootId = knownBootId;
    this.state = 'hello';
    this.sayHello();
  }

  /** Says HELLO at once again: the firmware started while the last one was on its way. */
  startAgain(): void {
    this.knownBootId = 0;
    this.hellos = 0;
    this.sayHello();
  }

  /** Takes one packet. */
  receive(packet: Uint8Array): void {
    if (this.state === 'ended') return;
    const message = decodeMessage(packet);
    if (message.type === 'vq-used' && this.state === 'established') this.options.listener.used(message);
    else if (message.type === 'boot') this.takeBoot(message.bootId);
    else if (message.type === 'dropped') this.drop(message, packet);
    else if (this.state === 'established') this.dispatch(message);
    else if (message.type === 'hello-response') this.takeHello(message);
    else this.options.counters.count('dropped_before_hello');
  }

  /** Ends it: requests reject with `error`, nothing is sent or taken any more. */
  end(error: BridgeError): void {
    if (this.state === 'ended') return;
    this.state = 'ended';
    this.clearTimer();
    this.outbox.close();
    this.calls.end(error);
  }

  private sayHello(): void {
    const { link, counters, listener, time, timeouts } = this.options;
    this.clearTimer();
    if (this.hellos > 0) listener.unanswered(this.hellos);
    if (this.state !== 'hello') return;
    this.helloToken = (this.helloToken % 0xffff) + 1;
    this.hellos++;
    counters.count('hellos_sent');
    this.outbox.send(
      encodeBus({
        type: 'hello-request',
        token: this.helloToken,
        revision: BUS_REVISION,
        maxMsgSize: Math.min(link.maxPacket, 0xffff),
        busFeatures: 0,
        knownBootId: this.knownBootId,
      }),
    );
    const pause = Math.min(
      timeouts.hello * 2 ** (this.hellos - 1),
      Math.max(timeouts.hello_max, timeouts.hello),
    );
    this.timer = time.set(() => this.sayHello(), pause);
  }

  private takeHello(answer: HelloResponse): void {
    const { counters, link } = this.options;
    if (answer.token !== this.helloToken) {
      counters.count('stale_hello_answers');
      return;
    }
    if (answer.revision !== BUS_REVISION || answer.maxMsgSize < MIN_MAX_MSG_SIZE || answer.bootId === 0) {
      counters.count('bad_hello_answers');
      return;
    }
    this.clearTimer();
    this.state = 'established';
    this.maxMsgSize = Math.min(answer.maxMsgSize, link.maxPacket, 0xffff);
    this.busFeatures = answer.busFeatures;
    counters.count('hello_answers');
    this.options.listener.established(answer);
  }

  private takeBoot(bootId: number): void {
    if (bootId === 0) this.options.counters.count('bad_boots');
    else this.options.listener.booted(bootId);
  }

  private dispatch(message: Message): void {
    const { counters, listener } = this.options;
    switch (message.type) {
      case 'ping-request':
        counters.count('pings_answered');
        this.outbox.send(encodeBus({ type: 'ping-response', token: message.token, data: message.data }));
        break;
      case 'event-config':
        listener.configChanged(message.devNum, message.status, message.config.generation);
        break;
      case 'event-device':
        listener.deviceChanged(message.devNum, message.state);
        break;
      case 'log':
        listener.logged(message.level, message.text);
        break;
      case 'hello-response':
        counters.count('stale_hello_answers');
        break;
      default:
        if (!isResponse(message) || !this.calls.settle(message)) counters.count('dropped_unexpected');
    }
  }

  private drop(dropped: DroppedMessage, packet: Uint8Array): void {
    const { counters, listener } = this.options;
    counters.count(`dropped_${dropped.reason.replaceAll('-', '_')}`);
    const header = dropped.header;
    if (this.state !== 'established' || header === undefined || !header.bus || header.response) return;
    if (header.id === BUS.VQ_USED && header.size >= 10) listener.brokenUsed(u16(packet, 8));
  }

  private clearTimer(): void {
    if (this.timer !== undefined) this.options.time.clear(this.timer);
    this.timer = undefined;
  }
}

type Response = Parameters<CallTable['settle']>[0];

function isResponse(message: Message): message is Response {
  return message.type.endsWith('-response');
}
