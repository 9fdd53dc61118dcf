import { DIRECTION, IRQ_TYPE } from '../wire/virtio-gpio.js';
import type { Direction, InterruptType } from './remote-gpio.js';

/** Directions and interrupt types as virtio-gpio numbers them, which every dialect's memory of lines uses. */

export const WIRE_DIRECTION: Readonly<Record<Direction, number>> = {
  none: DIRECTION.NONE,
  output: DIRECTION.OUT,
  input: DIRECTION.IN,
};

export const WIRE_IRQ_TYPE: Readonly<Record<InterruptType, number>> = {
  rising: IRQ_TYPE.EDGE_RISING,
  falling: IRQ_TYPE.EDGE_FALLING,
  both: IRQ_TYPE.EDGE_BOTH,
  'level-high': IRQ_TYPE.LEVEL_HIGH,
  'level-low': IRQ_TYPE.LEVEL_LOW,
};

/** The direction of a wire value; undefined for what is none. */
export function directionName(wire: number): Direction | undefined {
  const entry = Object.entries(WIRE_DIRECTION).find(([, value]) => value === wire);
  return entry?.[0] as Direction | undefined;
}

/** The name of a wire interrupt type other than NONE. */
export function interruptTypeName(wire: number): InterruptType {
  const entry = Object.entries(WIRE_IRQ_TYPE).find(([, value]) => value === wire);
  return entry![0] as InterruptType;
}
