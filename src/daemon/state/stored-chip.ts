import { CHIP_NAME } from '../../api/server/api-server.js';
import { BridgeError, messageOf } from '../../base/errors.js';
import type { SyntheticDescription } from '../../gpio/synthetic/description.js';
import { parseLineSpecs } from '../../gpio/synthetic/line-spec.js';

/** What the file of a chip holds: JSON, its format's number first. */
const FORMAT = 1;
const KEYS = ['format', 'name', 'lines', 'owner', 'group', 'mode', 'shared'];

export function storedChipText(description: SyntheticDescription): string {
  const { name, lines, owner, group, mode, shared } = description;
  return `${JSON.stringify({ format: FORMAT, name, lines, owner, group, mode, shared }, null, 2)}\n`;
}

/**
 * Reads what {@link storedChipText} wrote for the chip `name`. Throws INVALID_ARGUMENT for anything
 * that is not wholly that: a chip is not to come back with other lines or for other users.
 */
export function readStoredChip(text: string, name: string): SyntheticDescription {
  const fields = parse(text);
  const unknown = Object.keys(fields).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) throw invalid(`unknown key '${unknown}'`);
  if (fields.format !== FORMAT) throw invalid(`format ${JSON.stringify(fields.format)}, not ${FORMAT}`);
  if (fields.name !== name || !CHIP_NAME.test(name)) throw invalid(`it is not of a chip '${name}'`);
  if (!Array.isArray(fields.lines) || !fields.lines.every((line) => typeof line === 'string')) {
    throw invalid('lines are no list of texts');
  }
  if (typeof fields.shared !== 'boolean') throw invalid('shared is neither true nor false');
  parseLineSpecs(fields.lines);
  const mode = optionalText(fields, 'mode');
  if (mode !== undefined && !/^0?[0-7]{3}$/.test(mode)) throw invalid(`'${mode}' is no mode`);
  const owner = optionalText(fields, 'owner');
  const group = optionalText(fields, 'group');
  return {
    name,
    lines: fields.lines,
    shared: fields.shared,
    ...(owner === undefined ? {} : { owner }),
    ...(group === undefined ? {} : { group }),
    ...(mode === undefined ? {} : { mode }),
  };
}

function parse(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    throw invalid(messageOf(thrown));
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw invalid('it is no object');
}

function optionalText(fields: Readonly<Record<string, unknown>>, key: string): string | undefined {
  const value = fields[key];
  if (value === undefined || typeof value === 'string') return value;
  throw invalid(`${key} is no text`);
}

function invalid(problem: string): BridgeError {
  return new BridgeError('INVALID_ARGUMENT', `not a stored chip: ${problem}`);
}
