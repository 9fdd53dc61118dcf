import { readFileSync } from 'node:fs';
import { whyNotReadable } from '../../base/file-errors.js';
import { ConfigInvalid } from '../../base/problems.js';
import { existingAccounts } from './accounts.js';
import type { DaemonConfig } from './config.js';
import { type LinkOption, readConfig } from './read-config.js';

/**
 * Reads the configuration from a file that was named, else from the usual one if it is there, and
 * from links of the command line. Throws {@link ConfigInvalid} with every error.
 */
export function loadConfig(
  named: string | undefined,
  usual: string,
  links: readonly LinkOption[],
): DaemonConfig {
  const file = named ?? usual;
  return readConfig(readFile(file, named !== undefined), file, links, existingAccounts);
}

function readFile(file: string, mustExist: boolean): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (thrown) {
    if (!mustExist && (thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new ConfigInvalid([`${file}: cannot be read: ${whyNotReadable(thrown)}`]);
  }
}
