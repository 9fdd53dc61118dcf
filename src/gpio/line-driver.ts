import type { LineRequests } from '../driver/line-face.js';
import type { Level } from '../driver/remote-gpio.js';
import type { LineConfig } from './chip.js';
import { interruptTypeOf, invertIf } from './line-config.js';

/** Puts line configurations into effect on the controller, in the order that its rules demand. */

/**
 * Configures one line that was not in use. Returns the direction now in force. The interrupt
 * comes last, so that nothing is delivered before the line is what was asked for.
 */
export async function applyConfig(
  remote: LineRequests,
  offset: number,
  config: LineConfig,
): Promise<'input' | 'output'> {
  if (config.direction === 'as-is')
    return (await remote.getDirection(offset)) === 'output' ? 'output' : 'input';
  if (config.direction === 'output') {
    await driveOutput(remote, offset, config, config.value ?? 0);
    return 'output';
  }
  await remote.setDirection(offset, 'input');
  const type = interruptTypeOf(config);
  if (type !== undefined) await remote.enableInterrupt(offset, type);
  return 'input';
}

/** Changes a line from one configuration to another; the line stays requested. */
export async function changeConfig(
  remote: LineRequests,
  offset: number,
  from: LineConfig,
  direction: 'input' | 'output',
  to: LineConfig,
): Promise<'input' | 'output'> {
  const oldType = interruptTypeOf(from);
  const newType = interruptTypeOf(to);
  if (oldType !== undefined && oldType !== newType) await remote.disableInterrupt(offset);
  if (to.direction === 'output') {
    // An output that stays one keeps its value unless another is asked for.
    if (direction !== 'output' || to.value !== undefined)
      await driveOutput(remote, offset, to, to.value ?? 0);
    return 'output';
  }
  if (to.direction === 'input' && direction !== 'input') await remote.setDirection(offset, 'input');
  if (newType !== undefined && newType !== oldType) await remote.enableInterrupt(offset, newType);
  return to.direction === 'input' ? 'input' : direction;
}

/** The value before the direction (H6), and acknowledged: the line never shows anything else. */
async function driveOutput(
  remote: LineRequests,
  offset: number,
  config: LineConfig,
  value: Level,
): Promise<void> {
  await remote.setValue(offset, invertIf(config.activeLow, value));
  await remote.setDirection(offset, 'output');
}
