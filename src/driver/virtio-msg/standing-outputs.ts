import { BridgeError } from '../../base/errors.js';
import { DIRECTION, MSG } from '../../wire/virtio-gpio.js';
import type { GpioQueues } from './gpio-queues.js';
import { inGroups } from './groups.js';

/** Of the lines beyond it nobody is told the direction until they are requested. */
const MAX_LINES = 1_024;

/**
 * The lines that a device drives when it is taken over from an earlier run of this driver: nobody
 * here made them outputs. A line whose direction the device does not tell is taken for none.
 */
export async function standingOutputs(queues: GpioQueues): Promise<number[]> {
  const count = Math.min(queues.setup.lineCount, MAX_LINES);
  const lines = Array.from({ length: count }, (_, line) => line);
  const directions = await inGroups(lines, (line) =>
    queues.ask({ type: MSG.GET_DIRECTION, line, value: 0 }, true).catch((error: unknown) => {
      if (error instanceof BridgeError && error.name === 'DEVICE_ERROR') return DIRECTION.NONE;
      throw error;
    }),
  );
  return lines.filter((line) => directions[line] === DIRECTION.OUT);
}
