import { describe, expect, it } from 'vitest';
import { GpioDevice } from '../../src/device/gpio-device.js';
import type { DeviceQueues } from '../../src/device/virtio-device.js';
import {
  decodeStampedIrqResponse,
  EVENTQ,
  encodeGpioRequest,
  FEATURE,
  IRQ_TYPE,
  MSG,
  REQUESTQ,
} from '../../src/wire/virtio-gpio.js';
import { ReplayedLines } from './replayed-lines.js';
import { requestKey } from './script.js';

const LINE = 2;

/** A driver at the device model whose lines are replayed: requests, and what came back. */
class Rig {
  readonly lines = new ReplayedLines(4, () => this.enables++);
  /** Events as `VALID level seq` or `INVALID level seq`. */
  readonly events: string[] = [];
  readonly answers: string[] = [];
  enables = 0;
  private readonly device: GpioDevice;
  private nextId = 0;

  constructor() {
    const features = { irq: true, stamp: true, queue: true, namesInConfig: false };
    this.device = new GpioDevice({ lineCount: 4, features, backend: this.lines, now: () => 0 });
    this.lines.connect(this.device);
    const queues: DeviceQueues = {
      maxReturn: 1000,
      canReturnEvent: () => true,
      returnBuffer: (queue, _id, bytes) => this.take(queue, bytes),
    };
    const bits = [FEATURE.IRQ, FEATURE.EVENT_STAMP, FEATURE.EVENT_QUEUE, FEATURE.VERSION_1];
    this.device.start(
      bits.reduce((all, bit) => all | (1n << BigInt(bit)), 0n),
      queues,
    );
  }

  request(type: number, value: number): string {
    this.device.bufferAvailable(REQUESTQ, this.nextId++, 2, encodeGpioRequest(type, LINE, value), 0, 8);
    return this.answers[this.answers.length - 1]!;
  }

  /** The driver enables the interrupt and queues some buffers. */
  enable(type: number = IRQ_TYPE.EDGE_BOTH): void {
    this.request(MSG.SET_IRQ_TYPE, type);
    for (let i = 0; i < 20; i++) {
      this.device.bufferAvailable(EVENTQ, this.nextId++, 16, Uint8Array.of(LINE, 0), 0, 2);
    }
  }

  disable(): void {
    this.request(MSG.SET_IRQ_TYPE, IRQ_TYPE.NONE);
  }

  taken(): string[] {
    return this.events.splice(0);
  }

  private take(queue: number, bytes: Uint8Array): void {
    if (queue === REQUESTQ) {
      this.answers.push(`${bytes[0] === 0 ? 'OK' : 'ERR'} ${bytes[1]}`);
      return;
    }
    const { status, level, seq } = decodeStampedIrqResponse(bytes);
    this.events.push(`${status === 1 ? 'VALID' : 'INVALID'} ${level} ${seq}`);
  }
}

describe('replayed lines', () => {
  it('give edges with their levels and numbers, and gaps in the numbers as they were', () => {
    const replay = new Rig();
    replay.lines.recordedEnable(LINE, IRQ_TYPE.EDGE_BOTH);
    replay.enable();
    const played = [
      [1, 1],
      [0, 2],
      [1, 5],
      [1, 7],
      [0, 10],
    ].map(([level, seq]) => replay.lines.play(LINE, level, seq, 100));
    expect(played).toEqual(Array(5).fill('played'));
    expect(replay.taken()).toEqual(['VALID 1 1', 'VALID 0 2', 'VALID 1 5', 'VALID 1 7', 'VALID 0 10']);
  });

  it('leave out what came before already', () => {
    const replay = new Rig();
    replay.enable();
    expect([1, 2, 2, 1, 3].map((seq) => replay.lines.play(LINE, seq & 1, seq, 0))).toEqual([
      'played',
      'played',
      'repeated',
      'repeated',
      'played',
    ]);
  });

  it('count from the moment the present driver enables, whatever was left out', () => {
    const replay = new Rig();
    replay.lines.recordedEnable(LINE, IRQ_TYPE.EDGE_BOTH);
    expect(replay.lines.play(LINE, 1, 1, 0)).toBe('not-enabled');
    expect(replay.lines.play(LINE, 0, 4, 0)).toBe('not-enabled');
    replay.enable();
    replay.lines.play(LINE, 1, 5, 0);
    replay.lines.play(LINE, 1, 7, 0);
    expect(replay.taken()).toEqual(['VALID 1 1', 'VALID 1 3']);
  });

  it('go on counting where only the recorded driver enabled anew', () => {
    const replay = new Rig();
    replay.enable();
    replay.lines.play(LINE, 1, 1, 0);
    replay.lines.play(LINE, 0, 2, 0);
    replay.lines.recordedDisable(LINE);
    replay.lines.recordedEnable(LINE, IRQ_TYPE.EDGE_BOTH);
    replay.lines.play(LINE, 1, 1, 0);
    expect(replay.taken()).toEqual(['VALID 1 1', 'VALID 0 2', 'VALID 1 3']);
  });

  it('give the other driver its type: of alternating edges those that rise', () => {
    const replay = new Rig();
    replay.lines.recordedEnable(LINE, IRQ_TYPE.EDGE_BOTH);
    replay.enable(IRQ_TYPE.EDGE_RISING);
    for (const [level, seq] of [
      [1, 1],
      [0, 2],
      [1, 3],
      [1, 9],
      [0, 12],
      [1, 13],
    ]) {
      replay.lines.play(LINE, level, seq, 0);
    }
    // 3 rises; 4 to 8 are missed, of which 5 and 7 rise; 9 rises; 11 is missed; 13 rises.
    expect(replay.taken().filter((event) => event.startsWith('VALID'))).toEqual([
      'VALID 1 1',
      'VALID 1 2',
      'VALID 1 5',
      'VALID 1 7',
    ]);
  });

  it('tell an account at once, and a final one at the end', () => {
    const replay = new Rig();
    replay.enable();
    replay.lines.play(LINE, 1, 1, 0);
    replay.lines.account(LINE, 1, 3, true);
    expect(replay.taken()).toEqual(['VALID 1 1', 'INVALID 1 3']);
    replay.lines.account(LINE, 0, 8, false);
    expect(replay.taken()).toEqual([]);
    replay.disable();
    expect(new Set(replay.taken())).toEqual(new Set(['INVALID 0 8']));
  });

  it('answer as recorded: levels, and refusals from their place on', () => {
    const replay = new Rig();
    replay.lines.setLevel(LINE, 1);
    expect(replay.request(MSG.GET_VALUE, 0)).toBe('OK 1');
    expect(replay.request(MSG.SET_DIRECTION, 1)).toBe('OK 0');
    replay.lines.answered(LINE, requestKey(MSG.SET_DIRECTION, 1), true);
    expect(replay.request(MSG.SET_DIRECTION, 1)).toBe('ERR 0');
    expect(replay.request(MSG.SET_DIRECTION, 2)).toBe('OK 0');
    replay.lines.answered(LINE, requestKey(MSG.SET_DIRECTION, 1), false);
    expect(replay.request(MSG.SET_DIRECTION, 1)).toBe('OK 0');
  });

  it('make of events without number and level the next edges', () => {
    const replay = new Rig();
    replay.lines.recordedEnable(LINE, IRQ_TYPE.EDGE_BOTH);
    replay.enable();
    for (let i = 0; i < 3; i++) replay.lines.play(LINE, undefined, undefined, 0);
    expect(replay.taken()).toEqual(['VALID 1 1', 'VALID 0 2', 'VALID 1 3']);
    expect(replay.enables).toBe(1);
  });
});
