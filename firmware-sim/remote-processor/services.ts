import { BridgeError } from '../../src/base/errors.js';
import { MAX_CHANNEL_NAME } from '../../src/wire/rpmsg.js';

/** The name that gets a /dev/rpmsgN by itself. */
export const DEFAULT_SERVICE = 'rpmsg-raw';
const MAX_SERVICES = 32;

/** Throws INVALID_ARGUMENT for names that the name service cannot carry. */
export function checkServices(services: readonly string[]): void {
  const fail = (message: string): never => {
    throw new BridgeError('INVALID_ARGUMENT', message);
  };
  if (services.length < 1 || services.length > MAX_SERVICES) {
    fail(`${services.length} services: give 1 to ${MAX_SERVICES}`);
  }
  for (const [i, name] of services.entries()) {
    if (!/^[\x21-\x7e]{1,31}$/.test(name)) {
      fail(`service '${name}': a name is 1 to ${MAX_CHANNEL_NAME} printable ASCII characters without spaces`);
    }
    if (services.indexOf(name) !== i) fail(`service '${name}' is given twice`);
  }
}
