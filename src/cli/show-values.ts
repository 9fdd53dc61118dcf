import type { Level } from '../gpio/chip.js';
import { formatValues } from './line-value.js';
import type { LocatedLine } from './locate.js';
import { print, printJson } from './output.js';
import { valueObject } from './value-json.js';

/** How values are printed. */
export interface ValueOptions {
  readonly json?: boolean;
  readonly numeric?: boolean;
  readonly unquoted?: boolean;
}

/** Prints the value of each line, in this order: that in which the user named them. */
export async function showValues(
  lines: readonly LocatedLine[],
  values: ReadonlyMap<LocatedLine, Level>,
  options: ValueOptions,
): Promise<void> {
  const valueAt = (line: LocatedLine): Level => values.get(line) as Level;
  if (options.json) {
    for (const line of lines) await printJson(valueObject(line, valueAt(line)));
    return;
  }
  const style = { numeric: options.numeric ?? false, unquoted: options.unquoted ?? false };
  const pairs = lines.map((line) => ({ id: line.id, value: valueAt(line) }));
  await print(`${formatValues(pairs, style)}\n`);
}
