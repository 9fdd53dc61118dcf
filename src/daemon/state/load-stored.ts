import { Problems } from '../../base/problems.js';
import type { DaemonConfig } from '../config/config.js';
import type { Logger } from '../log/logger.js';
import { isChipOf } from '../synthetic/synthetic-checks.js';
import type { ChipStore, StoredChip } from './chip-store.js';

/**
 * The chips that an earlier daemon kept; damaged ones are logged. Throws CONFIG_INVALID, naming key
 * and file, where the configuration uses the name of one: which of the two is meant only the
 * administrator knows.
 */
export function loadStored(store: ChipStore, config: DaemonConfig, logger: Logger): readonly StoredChip[] {
  const { chips, damaged } = store.load();
  for (const { file, problem } of damaged) {
    logger.log('error', 'stored_chip_damaged', {
      file,
      message: `${problem}; put aside, its chip is not made`,
    });
  }
  const problems = new Problems();
  for (const { description, file } of chips) {
    const key = keyOfName(description.name, config);
    if (key === undefined) continue;
    problems.add(
      key,
      `'${description.name}' is the name of a persistent chip as well (${file}): ` +
        'choose another name, or remove that file',
    );
  }
  problems.throwIfAny();
  return chips;
}

/** The key in the configuration that uses a name. */
function keyOfName(name: string, { synthetics, coprocessors }: DaemonConfig): string | undefined {
  const synthetic = synthetics.find(({ description }) => description.name === name);
  const user = synthetic ?? coprocessors.find((each) => isChipOf(name, each.name));
  if (user === undefined) return undefined;
  const { key } = user.access;
  return key.startsWith('--') ? key : `${key}.name`;
}
