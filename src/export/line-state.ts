import type { DirectionValue, LevelBit, LineState } from '../device/line-backend.js';
import type { LineConfig } from '../gpio/chip.js';
import { DIRECTION, IRQ_TYPE } from '../wire/virtio-gpio.js';

/** As after power-up. */
export const UNUSED: LineState = { direction: DIRECTION.NONE, value: 0, irqType: IRQ_TYPE.NONE };

/** Whether it takes a request of the line: a direction, or an interrupt alone (D17). */
export function needsLine(state: LineState): boolean {
  return state.direction !== DIRECTION.NONE || state.irqType !== IRQ_TYPE.NONE;
}

/** How the line is requested for it. */
export function lineConfigOf(state: LineState): LineConfig {
  const common = { activeLow: false, eventClock: 'monotonic' } as const;
  if (state.direction === DIRECTION.OUT)
    return { ...common, direction: 'output', edges: 'none', value: state.value };
  return { ...common, direction: 'input', edges: edgesOf(state.irqType) };
}

/** A level interrupt is judged by a level that both edges keep known. */
function edgesOf(irqType: number): LineConfig['edges'] {
  switch (irqType) {
    case IRQ_TYPE.NONE:
      return 'none';
    case IRQ_TYPE.EDGE_RISING:
      return 'rising';
    case IRQ_TYPE.EDGE_FALLING:
      return 'falling';
    default:
      return 'both';
  }
}

export function sameState(a: LineState, b: LineState): boolean {
  return a.direction === b.direction && a.value === b.value && a.irqType === b.irqType;
}

/** In one byte, 0 as after power-up: direction, value, IRQ_TYPE. */
export function packState({ direction, value, irqType }: LineState): number {
  return direction | (value << 2) | (irqType << 3);
}

export function unpackState(byte: number): LineState {
  return {
    direction: (byte & 3) as DirectionValue,
    value: ((byte >> 2) & 1) as LevelBit,
    irqType: byte >> 3,
  };
}
