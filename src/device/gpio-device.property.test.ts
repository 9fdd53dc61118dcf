import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DIRECTION,
  decodeStampedIrqResponse,
  EVENTQ,
  encodeGpioRequest,
  FEATURE,
  IRQ_TYPE,
  MSG,
  REQUESTQ,
} from '../wire/virtio-gpio.js';
import { GpioDevice } from './gpio-device.js';
import type { LevelBit } from './line-backend.js';

const LINES = 3;
const DEPTH = 4;

type Step =
  | { readonly do: 'request'; readonly type: number; readonly line: number; readonly value: number }
  | { readonly do: 'arm'; readonly line: number; readonly inLength: number }
  | { readonly do: 'toggle'; readonly line: number; readonly times: number }
  | { readonly do: 'missed'; readonly line: number; readonly times: number }
  | { readonly do: 'room'; readonly room: number }
  | { readonly do: 'resume' | 'reset' | 'reset-eventq' };

const line = fc.nat(LINES); // one too many
const irqTypes = fc.constantFrom(0, 1, 2, 3, 3, 3, 4, 8, 5);

const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: requests(MSG.SET_IRQ_TYPE, irqTypes) },
    { weight: 1, arbitrary: requests(MSG.SET_DIRECTION, fc.nat(3)) },
    { weight: 1, arbitrary: requests(MSG.SET_VALUE, fc.nat(2)) },
    { weight: 1, arbitrary: requests(MSG.GET_VALUE, fc.constant(0)) },
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant('arm' as const),
        line,
        inLength: fc.constantFrom(16, 16, 16, 16, 16, 17, 15, 1, 0),
      }),
    },
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant('toggle' as const),
        line: fc.nat(LINES - 1),
        times: fc.integer({ min: 1, max: 7 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('missed' as const),
        line: fc.nat(LINES - 1),
        times: fc.integer({ min: 1, max: 3 }),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('room' as const), room: fc.constantFrom(0, 1, 3, 1000) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constantFrom('resume' as const, 'reset' as const, 'reset-eventq' as const),
      }),
    },
  ),
  { maxLength: 120 },
);

function requests(type: number, value: fc.Arbitrary<number>) {
  return fc.record({ do: fc.constant('request' as const), type: fc.constant(type), line, value });
}

/** A driver with a short memory: it knows what it gave, and checks what comes back. */
class Checker {
  room = 1000;
  private clock = 0;
  private nextId = 0;
  private readonly outstanding = [new Map<number, number>(), new Map<number, number>()];
  private readonly levels = new Uint8Array(LINES);
  /** What is enabled according to the answers, and what was seen since. */
  private readonly lines = Array.from({ length: LINES }, () => ({
    type: 0,
    base: 0,
    sensed: 0,
    lastSeq: 0,
    lastTime: 0,
  }));
  private readonly outputs = new Set<number>();
  readonly device: GpioDevice;
  private readonly features: bigint;

  constructor(
    readonly stamped: boolean,
    readonly queued: boolean,
  ) {
    this.device = new GpioDevice({
      lineCount: LINES,
      eventDepth: DEPTH,
      features: { irq: true, stamp: stamped, queue: queued, namesInConfig: false },
      now: () => this.clock,
      backend: {
        setDirection: (of, direction) => {
          if (direction === DIRECTION.OUT) this.outputs.add(of);
          else this.outputs.delete(of);
        },
        setValue: () => undefined,
        getValue: (of) => this.levels[of] as LevelBit,
        reset: () => this.outputs.clear(),
      },
    });
    const bit = (on: boolean, feature: number) => (on ? 1n << BigInt(feature) : 0n);
    this.features =
      bit(true, FEATURE.IRQ) | bit(stamped, FEATURE.EVENT_STAMP) | bit(queued, FEATURE.EVENT_QUEUE);
    this.start();
  }

  run(step: Step): void {
    this.clock++;
    switch (step.do) {
      case 'request':
        this.give(REQUESTQ, encodeGpioRequest(step.type, step.line, step.value), 2);
        break;
      case 'arm':
        this.give(EVENTQ, Uint8Array.of(step.line, 0), step.inLength);
        break;
      case 'toggle':
        for (let i = 0; i < step.times; i++) this.toggle(step.line);
        break;
      case 'missed':
        this.missed(step.line, step.times);
        break;
      case 'room':
        this.room = step.room;
        this.device.pump();
        break;
      case 'resume':
        for (const queue of this.outstanding) queue.clear();
        this.device.forgetBuffers();
        break;
      case 'reset-eventq':
        this.outstanding[EVENTQ].clear();
        this.device.resetQueue(EVENTQ);
        break;
      case 'reset':
        for (const queue of this.outstanding) queue.clear();
        for (const of of this.lines) of.type = 0;
        this.device.reset();
        this.start();
    }
    this.check();
  }

  private start(): void {
    this.device.start(this.features, {
      maxReturn: 1000,
      canReturnEvent: () => this.room > 0,
      returnBuffer: (queue, id, bytes) => this.take(queue, id, bytes),
    });
  }

  private give(queue: number, out: Uint8Array, inLength: number): void {
    const id = this.nextId++;
    this.outstanding[queue].set(id, inLength);
    if (queue === REQUESTQ) this.request = out;
    else if (out[0]! < LINES) this.armedFor.set(id, out[0]!);
    this.device.bufferAvailable(queue, id, inLength, out, 0, out.length);
  }

  private request: Uint8Array = new Uint8Array(8);

  private toggle(of: number): void {
    this.clock++;
    // The world outside leaves outputs alone here, so that levels are what edges made them.
    if (this.outputs.has(of)) return;
    const level = 1 - this.levels[of];
    this.levels[of] = level;
    const state = this.lines[of];
    const { type } = state;
    const counts =
      type === IRQ_TYPE.EDGE_BOTH || type === (level === 1 ? IRQ_TYPE.EDGE_RISING : IRQ_TYPE.EDGE_FALLING);
    if (counts) state.sensed++;
    this.device.edge(of, level, this.clock);
  }

  /** An even number, so that the level is as it was. */
  private missed(of: number, times: number): void {
    const { type } = this.lines[of];
    if (type >= IRQ_TYPE.EDGE_RISING && type <= IRQ_TYPE.EDGE_BOTH) this.lines[of].sensed += 2 * times;
    this.device.missed(of, 2 * times);
  }

  private take(queue: number, id: number, bytes: Uint8Array): void {
    const inLength = this.outstanding[queue].get(id);
    expect(inLength, `buffer ${id} of queue ${queue} was not outstanding`).toBeDefined();
    this.outstanding[queue].delete(id);
    expect(bytes.length).toBeLessThanOrEqual(inLength!);
    if (queue === REQUESTQ) this.takeAnswer(bytes);
    else if (bytes.length === (this.stamped ? 16 : 1)) this.takeEvent(id, bytes);
  }

  /** Requests are answered within the call that made them. */
  private takeAnswer(bytes: Uint8Array): void {
    if (bytes[0] !== 0) return;
    const view = new DataView(this.request.buffer);
    const [type, of, value] = [view.getUint16(0, true), view.getUint16(2, true), view.getUint32(4, true)];
    if (type === MSG.SET_IRQ_TYPE) {
      const state = this.lines[of];
      if (state.type === value) return;
      if (value !== 0) Object.assign(state, { base: this.levels[of], sensed: 0, lastSeq: 0, lastTime: 0 });
      state.type = value;
    }
    if (type === MSG.SET_DIRECTION && value === DIRECTION.NONE) this.lines[of].type = 0;
  }

  private readonly armedFor = new Map<number, number>();

  private takeEvent(id: number, bytes: Uint8Array): void {
    const valid = bytes[0] === 1;
    if (valid) {
      expect(this.room).toBeGreaterThan(0);
      this.room--;
    }
    const of = this.armedFor.get(id);
    if (!this.stamped || of === undefined) return;
    const { level, seq, timeNs } = decodeStampedIrqResponse(bytes);
    const state = this.lines[of];
    if (!valid) {
      expect(level).toBe(this.levels[of]);
      this.account?.(seq);
      return;
    }
    expect(seq).toBeGreaterThan(state.lastSeq);
    expect(Number(timeNs)).toBeGreaterThanOrEqual(state.lastTime);
    if (state.type === IRQ_TYPE.EDGE_BOTH) expect(level).toBe((state.base + seq) % 2);
    if (state.type === IRQ_TYPE.EDGE_RISING) expect(level).toBe(1);
    if (state.type === IRQ_TYPE.EDGE_FALLING) expect(level).toBe(0);
    state.lastSeq = seq;
    state.lastTime = Number(timeNs);
  }

  private check(): void {
    for (let of = 0; of < LINES; of++) {
      const { sensed, delivered, overflowed, discarded } = this.device.statsOf(of);
      const kept = this.device.keptOf(of);
      expect(delivered + kept + overflowed + discarded).toBe(sensed);
      expect(kept).toBeLessThanOrEqual(this.queued ? DEPTH : 1);
      expect(this.device.interruptTypeOf(of)).toBe(this.lines[of].type);
    }
  }

  /** With room and buffers for all, everything is told: what was delivered, and how much was lost. */
  settle(): void {
    this.run({ do: 'room', room: 1_000_000 });
    for (let of = 0; of < LINES; of++) {
      const { type, sensed } = this.lines[of];
      if (type < IRQ_TYPE.EDGE_RISING || type > IRQ_TYPE.EDGE_BOTH) continue;
      for (let i = 0; i < 2 * DEPTH + 2; i++) this.run({ do: 'arm', line: of, inLength: 16 });
      expect(this.device.keptOf(of)).toBe(0);
      if (!this.stamped) continue;
      this.run({ do: 'request', type: MSG.SET_IRQ_TYPE, line: of, value: 0 });
      const seqs: number[] = [];
      this.account = (seq) => seqs.push(seq);
      this.run({ do: 'arm', line: of, inLength: 16 });
      this.account = undefined;
      expect(seqs).toEqual([sensed]);
    }
  }

  private account: ((seq: number) => void) | undefined;
}

describe('the GPIO device model, whatever is done to it', () => {
  for (const [stamped, queued] of [
    [false, false],
    [true, false],
    [true, true],
  ]) {
    const name = queued ? 'EVENT_QUEUE' : stamped ? 'EVENT_STAMP' : 'neither';
    it(`keeps its accounts, returns each buffer once and orders its edges (${name})`, () => {
      fc.assert(
        fc.property(steps, (sequence) => {
          const checker = new Checker(stamped, queued);
          for (const step of sequence) checker.run(step);
          checker.settle();
        }),
        { numRuns: 400 },
      );
    });
  }
});
