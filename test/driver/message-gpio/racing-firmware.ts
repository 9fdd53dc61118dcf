import { BehaviorSubject, NEVER, Subject } from 'rxjs';
import type { MessageDialect } from '../../../src/driver/dialect.js';
import type { LinkState, PacketBatch, PacketLink } from '../../../src/link/packet-link.js';
import {
  decodeRpmsgGpioRequest,
  encodeRpmsgGpioInterrupt,
  encodeRpmsgGpioReply,
  RPMSG_GPIO_CMD,
} from '../../../src/wire/rpmsg-gpio.js';
import { decodeSrtm, encodeSrtm, SRTM_CMD, SRTM_EVENT } from '../../../src/wire/srtm.js';
import type { HandTime } from '../../conformance/hand-time.js';

/** A channel whose far end is a {@link RacingFirmware}. */
export class HandLink implements PacketLink {
  readonly states = new BehaviorSubject<LinkState>({ kind: 'opening' });
  readonly state$ = this.states.asObservable();
  readonly incoming = new Subject<PacketBatch>();
  readonly packets$ = this.incoming.asObservable();
  readonly room$ = NEVER;
  readonly maxPacket = 496;
  readonly packetHint = 496;
  readonly room = 64;
  readonly counters = {};
  /** What was sent, until a firmware is there to take it. */
  readonly sent: Uint8Array[] = [];
  onSend: (packet: Uint8Array) => void = (packet) => this.sent.push(packet);
  renew?: () => void;
  /** Of our endpoint: what is sent to an earlier one is lost. */
  address = 0;
  private channel = 0;

  constructor(
    private readonly time: HandTime,
    readonly name = 'hand:firmware',
  ) {}

  get state(): LinkState {
    return this.states.value;
  }

  up(delivery: 'reliable' | 'plain' = 'reliable'): void {
    this.states.next({ kind: 'up', channel: ++this.channel, delivery });
  }

  /** Can be made anew, at another address. */
  makeRenewable(): void {
    this.renew = () => {
      this.address++;
      this.opening('renewed');
      this.up();
    };
  }

  opening(reason = 'broken'): void {
    this.states.next({ kind: 'opening', reason });
  }

  send(packet: Uint8Array): Promise<void> {
    if (this.state.kind === 'up') this.onSend(packet);
    return Promise.resolve();
  }

  /** To the present endpoint. */
  deliver(...packets: Uint8Array[]): void {
    this.deliverTo(this.address, ...packets);
  }

  deliverTo(address: number, ...packets: Uint8Array[]): void {
    if (address !== this.address) return;
    if (this.state.kind === 'up') this.incoming.next({ arrivedNs: this.time.monotonicNs(), packets });
  }

  close(): Promise<void> {
    this.states.next({ kind: 'down', cause: 'closed', reason: 'closed' });
    return Promise.resolve();
  }
}

interface Asked {
  readonly what: 'get-direction' | 'set-direction' | 'get-value' | 'set-value' | 'irq' | 'output' | 'other';
  readonly line: number;
  readonly value: number;
  reply(status: number, value: number): Uint8Array;
}

interface Pin {
  level: 0 | 1;
  direction: number;
  /** 0: off; 1 rising, 2 falling, 3 both. */
  irq: number;
  masked: boolean;
  latched: boolean;
}

/** Line whose every request is refused. */
export const REFUSING_LINE = 7;

/**
 * Firmware as bad as it may be: answers in order, late, not at all, or all at once after a stall;
 * sends interrupts whenever they occur, a little late; masks, and forgets edges while masked.
 */
export class RacingFirmware {
  readonly pins: Pin[] = Array.from({ length: 8 }, () => ({
    level: 0,
    direction: 2,
    irq: 0,
    masked: false,
    latched: false,
  }));
  /** Interrupts sent, by line. */
  readonly interruptsSent = new Array<number>(8).fill(0);
  /** Every change of a pin: line, level and when. */
  readonly changes: { line: number; level: 0 | 1; atMs: number }[] = [];
  loseReplies = 0;
  /** Requests that never arrive. */
  loseRequests = 0;
  /** Levels are not told. */
  refusesReads = false;
  private stalledUntil = 0n;
  private readonly queue: { readonly asked: Asked; readonly from: number }[] = [];
  /** Where interrupts go: to whoever asked last. */
  private address = 0;
  private working = false;
  private turn = 0;

  constructor(
    private readonly time: HandTime,
    private readonly link: HandLink,
    private readonly dialect: MessageDialect,
    private readonly latches: boolean,
    /** Milliseconds that requests take, in turn; each at least 1. */
    private readonly latencies: readonly number[],
    /** Milliseconds after which interrupts are sent, in turn; each below 1. */
    private readonly deferrals: readonly number[],
  ) {
    link.onSend = (packet) => this.receive(packet);
  }

  stall(ms: number): void {
    this.stalledUntil = this.time.monotonicNs() + BigInt(ms) * 1_000_000n;
  }

  setPin(line: number, level: 0 | 1): void {
    const pin = this.pins[line]!;
    if (pin.level === level) return;
    pin.level = level;
    this.changes.push({ line, level, atMs: Number(this.time.monotonicNs()) / 1e6 });
    const matches = (pin.irq & (level === 1 ? 1 : 2)) !== 0;
    if (!matches) return;
    if (!pin.masked) this.interrupt(line, pin);
    else if (this.latches) pin.latched = true;
  }

  private interrupt(line: number, pin: Pin): void {
    pin.masked = true;
    pin.latched = false;
    this.interruptsSent[line]!++;
    const packet = this.interruptPacket(line, pin);
    const { address } = this;
    const delay = this.deferrals[this.turn++ % this.deferrals.length]!;
    if (delay === 0) this.link.deliverTo(address, packet);
    else this.time.set(() => this.link.deliverTo(address, packet), delay);
  }

  private interruptPacket(line: number, pin: Pin): Uint8Array {
    if (this.dialect === 'srtm')
      return encodeSrtm({ type: 'notification', cmd: SRTM_CMD.INPUT_INIT, line, port: 0 });
    return encodeRpmsgGpioInterrupt(this.dialect, line, pin.irq);
  }

  private receive(packet: Uint8Array): void {
    if (this.loseRequests > 0) {
      this.loseRequests--;
      return;
    }
    this.address = this.link.address;
    const asked = this.dialect === 'srtm' ? srtmAsked(packet) : rpmsgAsked(packet, this.dialect);
    this.queue.push({ asked, from: this.address });
    if (!this.working) this.workLater();
  }

  private workLater(): void {
    this.working = true;
    this.time.set(() => this.work(), this.latencies[this.turn++ % this.latencies.length]!);
  }

  private work(): void {
    const now = this.time.monotonicNs();
    if (now < this.stalledUntil) {
      this.time.set(() => this.work(), Number(this.stalledUntil - now) / 1e6);
      return;
    }
    const { asked, from } = this.queue.shift()!;
    const [status, value] = this.carryOut(asked);
    if (this.loseReplies > 0) this.loseReplies--;
    else this.link.deliverTo(from, asked.reply(status, value));
    this.working = false;
    if (this.queue.length > 0) this.workLater();
  }

  private carryOut({ what, line, value }: Asked): [number, number] {
    const pin = this.pins[line];
    if (pin === undefined || line === REFUSING_LINE) return [1, 0];
    switch (what) {
      case 'get-direction':
        return [0, this.dialect === 'srtm' ? (pin.direction === 1 ? 0 : 1) : pin.direction];
      case 'set-direction':
        pin.direction = value;
        return [0, 0];
      case 'get-value':
        return this.refusesReads ? [1, 0] : [0, pin.level];
      case 'output':
        pin.direction = 1;
        pin.level = value === 0 ? 0 : 1;
        return [0, 0];
      case 'set-value':
        if (pin.direction === 1) pin.level = value === 0 ? 0 : 1;
        return [0, 0];
      case 'irq':
        this.setIrq(line, pin, value);
        return [0, 0];
      case 'other':
        return [1, 0];
    }
  }

  private setIrq(line: number, pin: Pin, type: number): void {
    if (this.dialect === 'srtm') pin.direction = 2;
    pin.irq = type;
    if (type === 0) pin.latched = false;
    pin.masked = false;
    if (pin.latched) this.interrupt(line, pin);
  }
}

function rpmsgAsked(packet: Uint8Array, dialect: Exclude<MessageDialect, 'srtm'>): Asked {
  const request = decodeRpmsgGpioRequest(packet);
  if (request.type === 'dropped') throw new Error(request.reason);
  const whats: Readonly<Record<number, Asked['what']>> = {
    [RPMSG_GPIO_CMD.GET_DIRECTION]: 'get-direction',
    [RPMSG_GPIO_CMD.SET_DIRECTION]: 'set-direction',
    [RPMSG_GPIO_CMD.GET_VALUE]: 'get-value',
    [RPMSG_GPIO_CMD.SET_VALUE]: 'set-value',
    [RPMSG_GPIO_CMD.SET_IRQ_TYPE]: 'irq',
  };
  return {
    what: whats[request.cmd] ?? 'other',
    line: request.line,
    value: request.value,
    reply: (status, value) => encodeRpmsgGpioReply(dialect, status, value),
  };
}

function srtmAsked(packet: Uint8Array): Asked {
  const setup = decodeSrtm(packet);
  if (setup.type !== 'setup') throw new Error(setup.type);
  const { cmd, line, port, value } = setup;
  const whats: Readonly<Record<number, Asked['what']>> = {
    [SRTM_CMD.INPUT_INIT]: 'irq',
    [SRTM_CMD.OUTPUT_INIT]: 'output',
    [SRTM_CMD.INPUT_GET]: 'get-value',
    [SRTM_CMD.DIRECTION_GET]: 'get-direction',
  };
  if (value > SRTM_EVENT.BOTH && cmd === SRTM_CMD.INPUT_INIT)
    throw new Error('the model has no level interrupts');
  return {
    what: whats[cmd] ?? 'other',
    line,
    value,
    reply: (retcode, answer) => encodeSrtm({ type: 'reply', cmd, line, port, retcode, value: answer }),
  };
}
