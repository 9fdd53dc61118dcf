import { u16, u32 } from '../wire/bytes.js';
import {
  DIRECTION,
  IRQ_TYPE,
  MSG,
  REQUEST_LENGTH,
  REQUESTQ,
  RESPONSE,
  RESPONSE_LENGTH,
} from '../wire/virtio-gpio.js';
import type { EventLines } from './event-lines.js';
import type { DirectionValue, LevelBit, LineBackend } from './line-backend.js';
import type { DeviceQueues } from './virtio-device.js';

/** What a request comes to: the value of its answer, or {@link REFUSED}. */
type Outcome = number;
const REFUSED: Outcome = -1;

interface WaitingRequest {
  readonly id: number;
  readonly type: number;
  readonly value: number;
}

/**
 * The request queue of a GPIO device (virtio-gpio D1..D8, D17..D19, D21, D22): checks a request,
 * has the backend do it, keeps the line's direction and value, and answers. Requests of one line
 * are done and answered one after the other (D4); a backend that answers at once costs no promise.
 */
export class GpioRequests {
  private readonly direction: Uint8Array;
  /** What an output drives, or will drive once the line becomes one (D6). */
  private readonly value: Uint8Array;
  /** Lines with a request at the backend, and the requests that wait for it. */
  private readonly busy = new Map<number, WaitingRequest[]>();
  private readonly response = new Uint8Array(RESPONSE_LENGTH);
  private queues: DeviceQueues | undefined;
  private interrupts = false;
  /** Changes whenever the buffers handed out before are forgotten. */
  private bufferEpoch = 0;
  /** Changes whenever the lines' state is. */
  private stateEpoch = 0;

  constructor(
    private readonly lineCount: number,
    private readonly names: Uint8Array,
    private readonly backend: LineBackend,
    private readonly events: EventLines,
  ) {
    this.direction = new Uint8Array(lineCount);
    this.value = new Uint8Array(lineCount);
  }

  start(interrupts: boolean, queues: DeviceQueues): void {
    this.interrupts = interrupts;
    this.queues = queues;
  }

  reset(): void {
    this.forgetBuffers();
    this.queues = undefined;
    this.stateEpoch++;
    this.direction.fill(DIRECTION.NONE);
    this.value.fill(0);
    this.backend.reset();
  }

  /** Requests that were not begun are forgotten with their buffers; those begun take effect unanswered. */
  forgetBuffers(): void {
    this.bufferEpoch++;
    for (const waiting of this.busy.values()) waiting.length = 0;
  }

  directionOf(line: number): number {
    return this.direction[line]!;
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
        return this.direction[line]!;
      case MSG.SET_DIRECTION:
        return this.setDirection(line, value);
      case MSG.GET_VALUE:
        return this.direction[line] === DIRECTION.OUT ? this.value[line]! : this.backend.getValue(line);
      case MSG.SET_VALUE:
        return this.setValue(line, value);
      case MSG.SET_IRQ_TYPE:
        return this.setInterrupt(line, value);
      default:
        return REFUSED;
    }
  }

  private setDirection(line: number, direction: number): Outcome | Promise<Outcome> {
    if (direction > DIRECTION.IN) return REFUSED;
    if (direction === DIRECTION.OUT && this.events.typeOf(line) !== IRQ_TYPE.NONE) return REFUSED;
    if (direction === DIRECTION.NONE) return this.release(line);
    const driven = (direction === DIRECTION.OUT ? this.value[line] : 0) as LevelBit;
    return this.after(this.backend.setDirection(line, direction as DirectionValue, driven), () => {
      this.direction[line] = direction;
    });
  }

  /** SET_DIRECTION NONE forgets all state of the line (D7). */
  private release(line: number): Outcome | Promise<Outcome> {
    const wasEnabled = this.events.typeOf(line) !== IRQ_TYPE.NONE;
    this.events.disable(line);
    const disabled = wasEnabled ? this.backend.setInterrupt?.(line, IRQ_TYPE.NONE) : undefined;
    const release = () =>
      this.after(this.backend.setDirection(line, DIRECTION.NONE, 0), () => {
        this.direction[line] = DIRECTION.NONE;
        this.value[line] = 0;
      });
    return disabled instanceof Promise ? disabled.then(release) : release();
  }

  private setValue(line: number, value: number): Outcome | Promise<Outcome> {
    if (value > 1) return REFUSED;
    const done =
      this.direction[line] === DIRECTION.OUT ? this.backend.setValue(line, value as LevelBit) : undefined;
    return this.after(done, () => {
      this.value[line] = value;
    });
  }

  private setInterrupt(line: number, type: number): Outcome | Promise<Outcome> {
    if (!this.interrupts || this.direction[line] === DIRECTION.OUT || !isIrqType(type)) return REFUSED;
    const present = this.events.typeOf(line);
    if (type === present) return 0;
    if (type === IRQ_TYPE.NONE) {
      this.events.disable(line);
      return this.after(this.backend.setInterrupt?.(line, type), () => {});
    }
    if (present !== IRQ_TYPE.NONE) return REFUSED;
    return this.enableInterrupt(line, type);
  }

  /** Counting starts before the backend is asked, so that no edge falls between. */
  private enableInterrupt(line: number, type: number): Outcome | Promise<Outcome> {
    this.events.enable(line, type);
    let done: void | Promise<void>;
    try {
      done = this.backend.setInterrupt?.(line, type);
    } catch (thrown) {
      this.events.disable(line);
      throw thrown;
    }
    if (!(done instanceof Promise)) return 0;
    const epoch = this.stateEpoch;
    return done.then(
      () => 0,
      () => {
        if (epoch === this.stateEpoch) this.events.disable(line);
        return REFUSED;
      },
    );
  }

  /** Applies a change of state once the backend did its part, unless a reset came in between. */
  private after(done: void | Promise<void>, apply: () => void): Outcome | Promise<Outcome> {
    if (!(done instanceof Promise)) {
      apply();
      return 0;
    }
    const epoch = this.stateEpoch;
    return done.then(() => {
      if (epoch === this.stateEpoch) apply();
      return 0;
    });
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

function isIrqType(type: number): boolean {
  return type <= IRQ_TYPE.LEVEL_HIGH || type === IRQ_TYPE.LEVEL_LOW;
}
