import type { DIRECTION } from '../wire/virtio-gpio.js';

export type LevelBit = 0 | 1;
export type DirectionValue = (typeof DIRECTION)[keyof typeof DIRECTION];

/** What a driver has made of one line. */
export interface LineState {
  readonly direction: DirectionValue;
  /** What an output drives, or will drive once the line becomes one. */
  readonly value: LevelBit;
  /** An IRQ_TYPE. */
  readonly irqType: number;
}

/**
 * What a GPIO device model drives and reads: simulated pins, or the lines of a chip. Every method
 * may answer at once or with a promise; the model calls none for a line before the last one for it
 * was answered. A throw or a rejection becomes status ERR.
 *
 * Levels and edges go the other way, by `GpioDevice.edge` and `GpioDevice.setLevel`.
 */
export interface LineBackend {
  /** `value` is what an output drives from the start; 0 for the other directions. */
  setDirection(line: number, direction: DirectionValue, value: LevelBit): void | Promise<void>;
  /** Only of outputs. */
  setValue(line: number, value: LevelBit): void | Promise<void>;
  /** The level sensed now. Not asked of outputs. */
  getValue(line: number): LevelBit | Promise<LevelBit>;
  /**
   * Edges of this type are wanted from now on (an IRQ_TYPE of virtio-gpio; NONE: no more). A
   * backend that reports every change anyway needs none of it.
   */
  setInterrupt?(line: number, type: number): void | Promise<void>;
  /** What GET_DIRECTION tells of a line of direction NONE; without it NONE. */
  unsetDirection?(line: number): DirectionValue;
  /**
   * For a backend that does not know levels by itself: the present level of this line, which has a level
   * interrupt, is wanted. `GpioDevice.setLevel` or `GpioDevice.edge` is the answer, at any time later.
   * The level at enabling is not known either then, and a level is delivered a second time only after it was confirmed.
   */
  refreshLevel?(line: number): void;
  /** Every line back to direction NONE, with its default level. */
  reset(): void;
}
