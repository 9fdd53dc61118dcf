import { BridgeError } from '../src/base/errors.js';
import type { LevelBit } from '../src/device/line-backend.js';
import { lineReference } from './stimulus.js';

/** A level to apply to a pin from outside. */
export interface Drive {
  readonly controller: number;
  readonly line: number | string;
  readonly level: LevelBit;
}

/** Parses `DOOR=1`, `10=0`, or `2:DOOR=1` on another controller than 1; throws INVALID_ARGUMENT. */
export function parseDrive(text: string): Drive {
  const match = /^(?:(\d{1,9}):)?([^=]+)=([01])$/.exec(text);
  if (match === null || match[1] === '0') {
    throw new BridgeError(
      'INVALID_ARGUMENT',
      `'${text}' is no drive: write LINE=0, LINE=1 or CONTROLLER:LINE=1`,
    );
  }
  const [, controller = '1', line, level] = match;
  return { controller: Number(controller), line: lineReference(line!), level: level === '1' ? 1 : 0 };
}
