import type { Time } from '../src/base/clock.js';
import type { Listener } from '../src/link/listener.js';
import { listen } from '../src/link/open.js';
import { listenRemoteProcessor, REMOTE_PROCESSOR_SCHEME } from './remote-processor/listen.js';

/**
 * Listens for drivers: at the URLs of link/open.ts, or as a remote processor of a virtual machine with
 * these services. Rejects with INVALID_ARGUMENT, BUSY, PERMISSION_DENIED or IO_ERROR.
 */
export function listenForDrivers(url: string, services: readonly string[], time: Time): Promise<Listener> {
  return url.startsWith(REMOTE_PROCESSOR_SCHEME)
    ? listenRemoteProcessor(url, services, time)
    : listen(url, time);
}
