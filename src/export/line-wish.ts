import type { DirectionValue, LevelBit } from '../device/line-backend.js';
import type { LineConfig } from '../gpio/chip.js';
import { DIRECTION, IRQ_TYPE } from '../wire/virtio-gpio.js';

/** What a guest has made of one line. */
export interface LineWish {
  readonly direction: DirectionValue;
  /** What an output drives. */
  readonly value: LevelBit;
  /** An IRQ_TYPE. */
  readonly irqType: number;
}

export const NO_WISH: LineWish = { direction: DIRECTION.NONE, value: 0, irqType: IRQ_TYPE.NONE };

/** Whether it takes a request of the line: a direction, or an interrupt alone (D17). */
export function needsLine(wish: LineWish): boolean {
  return wish.direction !== DIRECTION.NONE || wish.irqType !== IRQ_TYPE.NONE;
}

/** How the line is requested for it. */
export function lineConfigOf(wish: LineWish): LineConfig {
  const common = { activeLow: false, eventClock: 'monotonic' } as const;
  if (wish.direction === DIRECTION.OUT)
    return { ...common, direction: 'output', edges: 'none', value: wish.value };
  return { ...common, direction: 'input', edges: edgesOf(wish.irqType) };
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

export function sameWish(a: LineWish, b: LineWish): boolean {
  return a.direction === b.direction && a.value === b.value && a.irqType === b.irqType;
}
