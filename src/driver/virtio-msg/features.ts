import { FEATURE } from '../../wire/virtio-gpio.js';

/** Which features of a GPIO device are in use. */
export interface Negotiated {
  /** For SET_DRIVER_FEATURES, blocks 0 and 1. */
  readonly blocks: readonly number[];
  readonly irq: boolean;
  readonly stamp: boolean;
  readonly queue: boolean;
  readonly namesInConfig: boolean;
}

/**
 * Chooses from what a device offers. EVENT_STAMP needs the bus's F_TIME and interrupts, EVENT_QUEUE
 * needs EVENT_STAMP; VERSION_1 is accepted when offered. A bus that was adopted relies on this
 * choosing alike in every run.
 */
export function negotiate(offered: readonly number[], hasTime: boolean): Negotiated {
  const has = (bit: number): boolean => ((offered[bit >> 5] ?? 0) & (1 << (bit & 31))) !== 0;
  const irq = has(FEATURE.IRQ);
  const stamp = irq && hasTime && has(FEATURE.EVENT_STAMP);
  const queue = stamp && has(FEATURE.EVENT_QUEUE);
  const namesInConfig = has(FEATURE.NAMES_IN_CONFIG);
  const blocks = new Uint32Array(2);
  const take = (bit: number, wanted: boolean): void => {
    if (wanted) blocks[bit >> 5]! |= 1 << (bit & 31);
  };
  take(FEATURE.IRQ, irq);
  take(FEATURE.VERSION_1, has(FEATURE.VERSION_1));
  take(FEATURE.NAMES_IN_CONFIG, namesInConfig);
  take(FEATURE.EVENT_STAMP, stamp);
  take(FEATURE.EVENT_QUEUE, queue);
  // A device of 32 feature bits or none has no second block to set.
  return { blocks: [...blocks.subarray(0, Math.max(1, offered.length))], irq, stamp, queue, namesInConfig };
}
