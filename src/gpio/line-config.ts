import { BridgeError } from '../base/errors.js';
import type { InterruptType, Level } from '../driver/remote-gpio.js';
import { type LineConfig, type LineRequestConfig, MAX_LINES_PER_REQUEST } from './chip.js';

/** Checks of what a caller asks for, before anything is changed. All throw INVALID_ARGUMENT. */

/** The uAPI's field is 32 bits wide; Node's timers take 31 bits of milliseconds, which is more. */
const MAX_DEBOUNCE_US = 0xffff_ffff;

/** The configuration of each offset, in order, checked. */
export function checkLineConfigs(
  config: LineConfig | readonly LineConfig[],
  offsets: readonly number[],
): readonly LineConfig[] {
  const configs = Array.isArray(config)
    ? (config as readonly LineConfig[])
    : offsets.map(() => config as LineConfig);
  if (configs.length !== offsets.length) {
    throw invalid(
      `${configs.length} line configurations for ${offsets.length} lines: give one, or one for each`,
    );
  }
  configs.forEach((line, i) => {
    checkLineConfig(line, offsets[i]!);
  });
  return configs;
}

function checkLineConfig(config: LineConfig, offset: number): void {
  if (config.edges !== 'none' && config.direction !== 'input') {
    throw invalid(`line ${offset}: edges need direction input`);
  }
  if (config.value !== undefined && config.direction !== 'output') {
    throw invalid(`line ${offset}: a value needs direction output`);
  }
  const { debouncePeriodUs = 0 } = config;
  if (!Number.isInteger(debouncePeriodUs) || debouncePeriodUs < 0 || debouncePeriodUs > MAX_DEBOUNCE_US) {
    throw invalid(`line ${offset}: a debounce period of ${debouncePeriodUs} us: 0 to ${MAX_DEBOUNCE_US}`);
  }
  if (debouncePeriodUs > 0 && config.direction !== 'input') {
    throw invalid(`line ${offset}: a debounce period needs direction input`);
  }
}

/** Checks the offsets and the consumer of a request against the chip. */
export function checkRequest(request: LineRequestConfig, chip: string, lineCount: number): void {
  const { offsets } = request;
  if (offsets.length === 0) throw invalid('at least one GPIO line must be specified');
  if (offsets.length > MAX_LINES_PER_REQUEST) {
    throw invalid(`${offsets.length} lines in one request: at most ${MAX_LINES_PER_REQUEST}`);
  }
  const seen = new Set<number>();
  for (const offset of offsets) {
    checkOffset(offset, chip, lineCount);
    if (seen.has(offset)) throw invalid(`line ${offset} of chip '${chip}' is named twice`);
    seen.add(offset);
  }
}

/** An offset must be a line of the chip. */
export function checkOffset(offset: number, chip: string, lineCount: number): void {
  if (!Number.isInteger(offset) || offset < 0 || offset >= lineCount) {
    throw invalid(`offset ${offset} is out of range on chip '${chip}'`);
  }
}

/** The interrupt that delivers the logical edges of this configuration; undefined: none. */
export function interruptTypeOf(config: LineConfig): InterruptType | undefined {
  if (config.edges === 'none') return undefined;
  // A debounced line is watched on both edges: any of them starts its period again.
  if (config.edges === 'both' || (config.debouncePeriodUs ?? 0) > 0) return 'both';
  return (config.edges === 'rising') !== config.activeLow ? 'rising' : 'falling';
}

/** Logical to physical and back. */
export function invertIf(activeLow: boolean, level: Level): Level {
  return activeLow ? (level === 1 ? 0 : 1) : level;
}

export function invalid(message: string): BridgeError {
  return new BridgeError('INVALID_ARGUMENT', message);
}
