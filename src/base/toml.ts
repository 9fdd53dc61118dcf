import { parse, TomlError } from 'smol-toml';
import { messageOf } from './errors.js';
import type { Problems } from './problems.js';

/** Parses a file of TOML; throws ConfigInvalid, with FILE:LINE:COLUMN, where it is none. */
export function parseToml(toml: string, file: string, problems: Problems): unknown {
  try {
    return parse(toml);
  } catch (thrown) {
    const where = thrown instanceof TomlError ? `${file}:${thrown.line}:${thrown.column}` : file;
    // Its message goes on with a drawing of the place.
    problems.add(where, messageOf(thrown).split('\n')[0]!);
    problems.throwIfAny();
    return {};
  }
}
