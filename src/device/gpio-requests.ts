import { u16, u32 } from '../wire/bytes.js';
import { MSG, REQUEST_LENGTH, REQUESTQ, RESPONSE, RESPONSE_LENGTH } from '../wire/virtio-gpio.js';
import type { EventLines } from './event-lines.js';
import type { LevelBit, LineBackend, LineState } from './line-backend.js';
import { LineControl, type Outcome, REFUSED } from './line-control.js';
import type { DeviceQueues } from './virtio-device.js';

interface WaitingRequest {
  readonly id: number;
  readonly type: number;
  readonly value: number;
}

/**
 * The request queue of a GPIO device (virtio-gpio D1..D4, D17..D19, D21, D22): checks a request, has
 * it done and answers. Requests of one line are done and answered one after the other (D4).
 */
export class GpioRequests {
  private readonly lines: LineControl;
  /** Lines with a request at the backend, and the requests that wait for it. */
  private readonly busy = new Map<number, WaitingRequest[]>();
  private readonly response = new Uint8Array(RESPONSE_LENGTH);
  private queues: DeviceQueues | undefined;
  private interrupts = false;
  /** Changes whenever the buffers handed out before are forgotten. */
  private bufferEpoch = 0;

  constructor(
    private readonly lineCount: number,
    private readonly names: Uint8Array,
    backend: LineBackend,
    events: EventLines,
  ) {
    this.lines = new LineControl(lineCount, backend, events);
  }

  start(interrupts: boolean, queues: DeviceQueues): void {
    this.interrupts = interrupts;
    this.queues = queues;
  }

  reset(): void {
    this.forgetBuffers();
    this.queues = undefined;
    this.lines.reset();
  }

  /** Requests that were not begun are forgotten with their buffers; those begun take effect unanswered. */
  forgetBuffers(): void {
    this.bufferEpoch++;
    for (const waiting of this.busy.values()) waiting.length = 0;
  }

  restore(line: number, state: LineState): void {
    this.lines.restore(line, state);
  }

  valueOf(line: number): LevelBit {
    return this.lines.valueOf(line);
  }

  directionOf(line: number): number {
    return this.lines.directionOf(line);
  }

  /** A request buffer; answered whatever is in it (D19). */
  handle(id: number, inLength: number, bytes: Uint8Array, at: number, outLength: number): void {
    if (outLength < REQUEST_LENGTH) {
      this.refuse(id, inLength);
      return;
    }
    const type = u16(bytes, at);
    if (type === MSG.GET_LINE_NAMES) {
      this.answerNames(id, inLength);
      return;
    }
    const line = u16(bytes, at + 2);
    // An answer that has no room must not stand for something that was done.
    if (line >= this.lineCount || inLength < RESPONSE_LENGTH) {
      this.refuse(id, inLength);
      return;
    }
    const value = u32(bytes, at + 4);
    const waiting = this.busy.get(line);
    if (waiting === undefined) this.run(line, id, type, value);
    else waiting.push({ id, type, value });
  }

  private run(line: number, id: number, type: number, value: number): void {
    let outcome: Outcome | Promise<Outcome>;
    try {
      outcome = this.execute(line, type, value);
    } catch {
      outcome = REFUSED;
    }
    if (typeof outcome === 'number') this.answer(id, outcome);
    else this.runSlowly(line, id, outcome);
  }

  private runSlowly(line: number, id: number, outcome: Promise<Outcome>): void {
    const epoch = this.bufferEpoch;
    const waiting = this.busy.get(line) ?? [];
    this.busy.set(line, waiting);
    void outcome
      .catch(() => REFUSED)
      .then((value) => {
        if (epoch === this.bufferEpoch) this.answer(id, value);
        this.busy.delete(line);
        this.runWaiting(line, waiting);
      });
  }

  private runWaiting(line: number, waiting: WaitingRequest[]): void {
    while (waiting.length > 0) {
      const next = waiting.shift()!;
      this.run(line, next.id, next.type, next.value);
      const again = this.busy.get(line);
      if (again !== undefined) {
        again.push(...waiting);
        return;
      }
    }
  }

  private execute(line: number, type: number, value: number): Outcome | Promise<Outcome> {
    switch (type) {
      case MSG.GET_DIRECTION:
        return this.lines.shownDirection(line);
      case MSG.SET_DIRECTION:
        return this.lines.setDirection(line, value);
      case MSG.GET_VALUE:
        return this.lines.getValue(line);
      case MSG.SET_VALUE:
        return this.lines.setValue(line, value);
      case MSG.SET_IRQ_TYPE:
        return this.interrupts ? this.lines.setInterrupt(line, value) : REFUSED;
      default:
        return REFUSED;
    }
  }

  private answer(id: number, outcome: Outcome): void {
    this.response[0] = outcome === REFUSED ? RESPONSE.ERR : RESPONSE.OK;
    this.response[1] = outcome === REFUSED ? 0 : outcome;
    this.queues?.returnBuffer(REQUESTQ, id, this.response);
  }

  private answerNames(id: number, inLength: number): void {
    const length = 1 + this.names.length;
    if (inLength < length || length > this.queues!.maxReturn) {
      this.refuse(id, inLength);
      return;
    }
    const answer = new Uint8Array(length);
    answer[0] = RESPONSE.OK;
    answer.set(this.names, 1);
    this.queues!.returnBuffer(REQUESTQ, id, answer);
  }

  /** { ERR, 0 }, cut to what fits. */
  private refuse(id: number, inLength: number): void {
    const answer = new Uint8Array(Math.min(inLength, RESPONSE_LENGTH));
    if (answer.length > 0) answer[0] = RESPONSE.ERR;
    this.queues?.returnBuffer(REQUESTQ, id, answer);
  }
}
