import type { Level } from '../gpio/chip.js';
import type { LocatedLine } from './locate.js';

/** What `--json` prints for the value of a line that was read (get, mon -I) or set (set). */
export function valueObject(line: LocatedLine, value: Level): object {
  return { type: 'value', chip: line.chip, offset: line.offset, name: line.name ?? null, value };
}
