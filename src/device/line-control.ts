import { DIRECTION, IRQ_TYPE } from '../wire/virtio-gpio.js';
import type { DirectionValue, LevelBit, LineBackend, LineState } from './line-backend.js';

/** What an operation comes to: the value of its answer, or {@link REFUSED}. */
export type Outcome = number;
export const REFUSED: Outcome = -1;

/** The interrupts of a controller's lines, as far as their directions depend on them. */
export interface LineInterrupts {
  /** The IRQ_TYPE that is enabled. */
  typeOf(line: number): number;
  /** From NONE; sensing begins now. */
  enable(line: number, type: number): void;
  disable(line: number): void;
}

/**
 * Direction, value and interrupt of each line (virtio-gpio D4..D8, D17, D18): says what an operation
 * comes to, has the backend do it, and keeps what is then so. A backend that answers at once costs no
 * promise; the next operation of a line is asked for when the last one has come to something.
 */
export class LineControl {
  private readonly direction: Uint8Array;
  /** What an output drives, or will drive once the line becomes one (D6). */
  private readonly value: Uint8Array;
  /** Changes whenever the lines' state is forgotten. */
  private epoch = 0;

  constructor(
    lineCount: number,
    private readonly backend: LineBackend,
    private readonly interrupts: LineInterrupts,
  ) {
    this.direction = new Uint8Array(lineCount);
    this.value = new Uint8Array(lineCount);
  }

  /** Every line as after power-up; what was begun takes no effect here any more. */
  reset(): void {
    this.epoch++;
    this.direction.fill(DIRECTION.NONE);
    this.value.fill(0);
    this.backend.reset();
  }

  /** A line is this already; the backend is not asked. */
  restore(line: number, { direction, value }: LineState): void {
    this.direction[line] = direction;
    this.value[line] = value;
  }

  valueOf(line: number): LevelBit {
    return this.value[line] as LevelBit;
  }

  directionOf(line: number): number {
    return this.direction[line]!;
  }

  /** What GET_DIRECTION tells. */
  shownDirection(line: number): number {
    const direction = this.direction[line]!;
    if (direction !== DIRECTION.NONE || this.backend.unsetDirection === undefined) return direction;
    return this.backend.unsetDirection(line);
  }

  getValue(line: number): Outcome | Promise<Outcome> {
    return this.direction[line] === DIRECTION.OUT ? this.value[line]! : this.backend.getValue(line);
  }

  setDirection(line: number, direction: number): Outcome | Promise<Outcome> {
    if (direction > DIRECTION.IN) return REFUSED;
    if (direction === DIRECTION.OUT && this.interrupts.typeOf(line) !== IRQ_TYPE.NONE) return REFUSED;
    if (direction === DIRECTION.NONE) return this.release(line);
    const driven = (direction === DIRECTION.OUT ? this.value[line] : 0) as LevelBit;
    return this.after(this.backend.setDirection(line, direction as DirectionValue, driven), () => {
      this.direction[line] = direction;
    });
  }

  setValue(line: number, value: number): Outcome | Promise<Outcome> {
    if (value > 1) return REFUSED;
    const done =
      this.direction[line] === DIRECTION.OUT ? this.backend.setValue(line, value as LevelBit) : undefined;
    return this.after(done, () => {
      this.value[line] = value;
    });
  }

  /** A type that is on changes by way of NONE only (D8). */
  setInterrupt(line: number, type: number): Outcome | Promise<Outcome> {
    if (this.direction[line] === DIRECTION.OUT || !isIrqType(type)) return REFUSED;
    const present = this.interrupts.typeOf(line);
    if (type === present) return 0;
    if (type === IRQ_TYPE.NONE) return this.disableInterrupt(line);
    if (present !== IRQ_TYPE.NONE) return REFUSED;
    return this.enableInterrupt(line, type);
  }

  private disableInterrupt(line: number): Outcome | Promise<Outcome> {
    this.interrupts.disable(line);
    return this.after(this.backend.setInterrupt?.(line, IRQ_TYPE.NONE), () => {});
  }

  /** Counting starts before the backend is asked, so that no edge falls between. */
  private enableInterrupt(line: number, type: number): Outcome | Promise<Outcome> {
    this.interrupts.enable(line, type);
    let done: void | Promise<void>;
    try {
      done = this.backend.setInterrupt?.(line, type);
    } catch (thrown) {
      this.interrupts.disable(line);
      throw thrown;
    }
    if (!(done instanceof Promise)) return 0;
    const { epoch } = this;
    return done.then(
      () => 0,
      () => {
        if (epoch === this.epoch) this.interrupts.disable(line);
        return REFUSED;
      },
    );
  }

  /** SET_DIRECTION NONE forgets all state of the line (D7). */
  private release(line: number): Outcome | Promise<Outcome> {
    const wasEnabled = this.interrupts.typeOf(line) !== IRQ_TYPE.NONE;
    this.interrupts.disable(line);
    const disabled = wasEnabled ? this.backend.setInterrupt?.(line, IRQ_TYPE.NONE) : undefined;
    const release = () =>
      this.after(this.backend.setDirection(line, DIRECTION.NONE, 0), () => {
        this.direction[line] = DIRECTION.NONE;
        this.value[line] = 0;
      });
    return disabled instanceof Promise ? disabled.then(release) : release();
  }

  /** Applies a change of state once the backend did its part, unless a reset came in between. */
  private after(done: void | Promise<void>, apply: () => void): Outcome | Promise<Outcome> {
    if (!(done instanceof Promise)) {
      apply();
      return 0;
    }
    const { epoch } = this;
    return done.then(() => {
      if (epoch === this.epoch) apply();
      return 0;
    });
  }
}

function isIrqType(type: number): boolean {
  return type <= IRQ_TYPE.LEVEL_HIGH || type === IRQ_TYPE.LEVEL_LOW;
}
