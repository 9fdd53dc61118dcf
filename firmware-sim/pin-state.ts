import type { LevelBit } from '../src/device/line-backend.js';
import { DIRECTION } from '../src/wire/virtio-gpio.js';

/** Directions as they are shown, by their number on the wire. */
export const DIRECTION_NAMES = {
  [DIRECTION.NONE]: 'none',
  [DIRECTION.OUT]: 'output',
  [DIRECTION.IN]: 'input',
} as const;

export type DirectionName = (typeof DIRECTION_NAMES)[keyof typeof DIRECTION_NAMES];

/** What the firmware drives on a pin changed. */
export interface OutputChange {
  readonly controller: number;
  readonly line: number;
  readonly direction: DirectionName;
  readonly level: LevelBit;
}

/** One pin, as seen from outside the coprocessor. */
export interface PinState {
  readonly controller: number;
  readonly line: number;
  readonly name: string;
  readonly direction: DirectionName;
  readonly level: LevelBit;
  /** Whether it may wake the system up; absent where the dialect knows nothing of that. */
  readonly wakeup?: boolean;
}
