import { timeouts } from '../../src/base/timeouts.js';
import { receiveDamage, receiveFrame } from '../../src/link/serial/arq-receive.js';
import { type ArqConfig, type ArqState, newArq } from '../../src/link/serial/arq-state.js';
import {
  deadline,
  sendPacket,
  sendRoom,
  tick,
  transmit,
  written,
} from '../../src/link/serial/arq-transmit.js';
import { FrameSplitter } from '../../src/link/serial/frame-splitter.js';
import { encodeSerialFrame, MAX_PAYLOAD } from '../../src/wire/serial-frame.js';

/** Two ends of the serial link, their real codecs, and a wire between them that is as bad as asked for. */

/** Probabilities of each fault; bytes and frames in both directions. */
export interface WireFaults {
  readonly flipByte: number;
  readonly dropByte: number;
  readonly insertByte: number;
  readonly repeatByte: number;
  readonly dropFrame: number;
  /** A copy of the frame comes again behind up to `reach` later frames. */
  readonly repeatFrame: number;
  /** The frame comes behind up to `reach` later frames. */
  readonly swapFrame: number;
  readonly reach: number;
}

export const NO_FAULTS: WireFaults = {
  flipByte: 0,
  dropByte: 0,
  insertByte: 0,
  repeatByte: 0,
  dropFrame: 0,
  repeatFrame: 0,
  swapFrame: 0,
  reach: 0,
};

export interface WorldOptions {
  readonly seed: number;
  readonly faults: WireFaults;
  /** Milliseconds that a byte is on the way. */
  readonly latencyMs: number;
  /** Bytes a millisecond; Infinity: no speed. */
  readonly bytesPerMs: number;
  readonly window: readonly [driver: number, device: number];
  /** Probability that a receiver has no room for a packet. */
  readonly noRoom?: number;
}

/** A frame that was held back is let go after this time, if not by later frames. */
const HELD_MS = 25;

/** mulberry32: the same wire for the same seed. */
export function randomFrom(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export class ArqWorld {
  now = 1_000;
  faults: WireFaults;
  latencyMs: number;
  readonly random: () => number;
  readonly driver: WorldEnd;
  readonly device: WorldEnd;

  constructor(readonly options: WorldOptions) {
    this.faults = options.faults;
    this.latencyMs = options.latencyMs;
    this.random = randomFrom(options.seed);
    this.driver = new WorldEnd(this, 'driver', options.window[0]);
    this.device = new WorldEnd(this, 'device', options.window[1]);
    this.driver.peer = this.device;
    this.device.peer = this.driver;
  }

  /** Runs until nothing is due before `time`, or the condition holds. */
  runUntil(time: number, condition: () => boolean = () => false): void {
    for (const end of [this.driver, this.device]) end.act();
    let steps = 0;
    while (!condition()) {
      const next = Math.min(this.driver.nextAt(), this.device.nextAt());
      if (next > time) break;
      if (steps++ > 200_000) throw new Error('the world spins');
      this.now = Math.max(this.now, next);
      for (const end of [this.driver, this.device]) end.act();
    }
    if (!condition()) this.now = Math.max(this.now, time);
  }
}

interface OnTheWay {
  at: number;
  readonly bytes: Uint8Array;
}

/** A packet that one end sent or got, with the session of that end at the time. */
export interface Carried {
  readonly session: number;
  readonly channel: number;
  readonly index: number;
}

export class WorldEnd {
  readonly arq: ArqState;
  peer!: WorldEnd;
  /** How many packets wait to be sent. */
  backlog = 0;
  readonly sent: Carried[] = [];
  readonly got: (Carried & { readonly sentSession: number })[] = [];
  /** Reasons for which channels broke. */
  readonly breaks: string[] = [];

  private readonly splitter = new FrameSplitter();
  private inbound: OnTheWay[] = [];
  private held: { bytes: Uint8Array; frames: number; until: number }[] = [];
  private outputs: { id: number; at: number }[] = [];
  private lineFreeAt = 0;
  private sentInChannel = 0;

  constructor(
    private readonly world: ArqWorld,
    readonly role: 'driver' | 'device',
    window: number,
  ) {
    const config: ArqConfig = {
      role,
      mode: 'reliable',
      window,
      maxPayload: MAX_PAYLOAD,
      bytesPerMs: world.options.bytesPerMs,
      limits: timeouts(),
    };
    this.arq = newArq(config, Math.floor(world.random() * 2 ** 32), world.now);
  }

  /** When something happens here next. */
  nextAt(): number {
    let at = this.inbound[0]?.at ?? Number.POSITIVE_INFINITY;
    for (const { until } of this.held) at = Math.min(at, until);
    if (this.outputs.length > 0) at = Math.min(at, this.outputs[0]!.at);
    return Math.min(at, deadline(this.arq));
  }

  /** All that is due now: what arrived, what was written out, timers, and what follows to be sent. */
  act(): void {
    const { now } = this.world;
    while (this.outputs.length > 0 && this.outputs[0]!.at <= now)
      written(this.arq, this.outputs.shift()!.id, now);
    this.releaseHeld();
    this.receive();
    this.note(tick(this.arq, now));
    this.send();
  }

  private receive(): void {
    const { now } = this.world;
    while (this.inbound.length > 0 && this.inbound[0]!.at <= now) {
      const { bytes } = this.inbound.shift()!;
      this.splitter.maxPayload = this.arq.phase === 'up' ? this.arq.maxPayload : MAX_PAYLOAD;
      this.splitter.push(bytes, (frame) => {
        if (frame.kind === 'discarded') {
          receiveDamage(this.arq, now);
          return;
        }
        const hasRoom = this.world.random() >= (this.world.options.noRoom ?? 0);
        const { packet, change } = receiveFrame(this.arq, frame, now, hasRoom);
        this.note(change);
        if (packet !== undefined) this.take(packet);
      });
    }
  }

  private take(packet: Uint8Array): void {
    const view = Buffer.from(packet);
    this.got.push({
      session: this.arq.session,
      channel: this.arq.channel,
      index: view.readUInt32LE(4),
      sentSession: view.readUInt32LE(0),
    });
  }

  private note(change: ReturnType<typeof tick>): void {
    if (change === undefined) return;
    this.sentInChannel = 0;
    if (change.kind !== 'up') this.breaks.push(change.reason);
  }

  private send(): void {
    const { now, random } = this.world;
    while (this.backlog > 0 && sendRoom(this.arq) > 0) {
      this.backlog--;
      const most = Math.min(this.arq.hint, this.arq.maxPayload, 200);
      const packet = Buffer.alloc(
        8 + Math.floor(random() * Math.max(1, most - 8)),
        Math.floor(random() * 256),
      );
      packet.writeUInt32LE(this.arq.session, 0);
      packet.writeUInt32LE(this.sentInChannel, 4);
      this.sent.push({ session: this.arq.session, channel: this.arq.channel, index: this.sentInChannel++ });
      sendPacket(this.arq, packet);
    }
    const frames = transmit(this.arq, now);
    if (frames.length === 0) return;
    for (const frame of frames) this.putOnWire(encodeSerialFrame(frame));
    const outAt = Number.isFinite(this.world.options.bytesPerMs) ? this.lineFreeAt : now;
    this.outputs.push({ id: this.arq.writeId, at: outAt });
  }

  /** One frame meets the faults of the wire. */
  private putOnWire(clean: Uint8Array): void {
    const { faults, random } = this.world;
    this.lineFreeAt =
      Math.max(this.lineFreeAt, this.world.now) + clean.length / this.world.options.bytesPerMs;
    const bytes = damage(clean, faults, random);
    for (const earlier of this.held) earlier.frames--;
    const holdBack = () => {
      const frames = 1 + Math.floor(random() * faults.reach);
      this.held.push({ bytes, frames, until: this.world.now + HELD_MS });
    };
    if (random() < faults.swapFrame) holdBack();
    else if (random() >= faults.dropFrame) this.deliver(bytes);
    this.releaseHeld();
    if (random() < faults.repeatFrame) holdBack();
  }

  private releaseHeld(): void {
    const due = this.held.filter(({ frames, until }) => frames <= 0 || until <= this.world.now);
    if (due.length === 0) return;
    this.held = this.held.filter((one) => !due.includes(one));
    for (const { bytes } of due) this.deliver(bytes);
  }

  private deliver(bytes: Uint8Array): void {
    const at = Math.max(this.lineFreeAt, this.world.now) + this.world.latencyMs;
    this.peer.inbound.push({ at, bytes });
    this.peer.inbound.sort((a, b) => a.at - b.at);
  }
}

function damage(clean: Uint8Array, faults: WireFaults, random: () => number): Uint8Array {
  const { flipByte, dropByte, insertByte, repeatByte } = faults;
  if (flipByte + dropByte + insertByte + repeatByte === 0) return clean;
  const out: number[] = [];
  for (const byte of clean) {
    if (random() < dropByte) continue;
    out.push(random() < flipByte ? byte ^ (1 + Math.floor(random() * 255)) : byte);
    if (random() < repeatByte) out.push(byte);
    if (random() < insertByte) out.push(Math.floor(random() * 256));
  }
  return Uint8Array.from(out);
}

/**
 * What the channel did wrong, in words; none when in each session what came is a beginning of what
 * was sent in it, once and in order.
 */
export function faultsOfDelivery(from: WorldEnd, to: WorldEnd): string[] {
  const wrong: string[] = [];
  const expected = new Map<string, number>();
  for (const { session, channel, index, sentSession } of to.got) {
    if (sentSession !== session) wrong.push(`a packet of session ${sentSession} came in ${session}`);
    const key = `${session}/${channel}`;
    const next = expected.get(key) ?? 0;
    if (index !== next)
      wrong.push(`${from.role} to ${to.role}: packet ${index} instead of ${next} in ${key}`);
    expected.set(key, index + 1);
  }
  return wrong;
}
