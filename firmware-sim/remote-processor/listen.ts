import type { Time } from '../../src/base/clock.js';
import { BridgeError } from '../../src/base/errors.js';
import type { LinkListener } from '../../src/link/listener.js';
import { serveVhostUser } from '../../src/vhost-user/serve.js';
import { RemoteProcessor } from './remote-processor.js';

/** How such a place to listen begins. */
export const REMOTE_PROCESSOR_SCHEME = 'vhost-user-rpmsg:';
/** The hypervisor often runs as another user of this one's group. */
const ACCESS = { mode: 0o660 };

/**
 * Listens at `vhost-user-rpmsg:PATH` for a hypervisor, and is a remote processor to its guest. Rejects
 * with INVALID_ARGUMENT, BUSY, PERMISSION_DENIED or IO_ERROR, in one line with the remedy.
 */
export async function listenRemoteProcessor(
  url: string,
  services: readonly string[],
  time: Time,
): Promise<LinkListener> {
  const path = url.slice(REMOTE_PROCESSOR_SCHEME.length);
  if (path === '') {
    throw new BridgeError('INVALID_ARGUMENT', `link '${url}': the path of the socket is missing`);
  }
  const processor = new RemoteProcessor(services, time);
  const backend = await serveVhostUser({ path, device: processor.device, access: ACCESS });
  return {
    name: url,
    links$: processor.links$,
    withdraw: () => processor.goDown(),
    offer: () => processor.comeBack(),
    close: async () => {
      processor.close();
      await backend.close();
    },
  };
}
