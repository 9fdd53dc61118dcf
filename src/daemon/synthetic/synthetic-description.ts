import type { SocketAccess } from '../../api/server/socket.js';
import { BridgeError } from '../../base/errors.js';
import { ConfigInvalid, Problems } from '../../base/problems.js';
import { TableReader } from '../../base/table-reader.js';
import type { SyntheticDescription } from '../../gpio/synthetic/description.js';
import { resolveAccess } from '../config/accounts.js';
import { readSynthetic } from '../config/read-synthetic.js';

/**
 * Checks a description as the configuration's are checked, and looks up its user and group. Throws
 * INVALID_ARGUMENT with all that is wrong.
 */
export function checkDescription(description: SyntheticDescription): SocketAccess {
  const problems = new Problems();
  try {
    const config = readSynthetic(new TableReader(description, '', problems));
    const access = config === undefined ? undefined : resolveAccess(config.access, problems);
    problems.throwIfAny();
    return access!;
  } catch (thrown) {
    throw thrown instanceof ConfigInvalid ? new BridgeError('INVALID_ARGUMENT', thrown.message) : thrown;
  }
}
