import { join } from 'node:path';
import { BridgeError } from '../../base/errors.js';
import { codeOf } from '../../linux/errno.js';
import { RPMSG_ADDRESS_ANY } from '../../linux/rpmsg.js';
import type { RpmsgEndpoint } from '../../linux/rpmsg-tree.js';
import type { OpenEndpoint } from '../messages/message-link.js';
import { findService, type ServicePlace, type ServiceUrl } from './find-service.js';
import { endpointOn, openNode, type RpmsgOptions } from './rpmsg-endpoint.js';
import { rpmsgOpenFailed } from './rpmsg-error.js';

/**
 * Opens a service, which is found by name each time: its channel's own node, or an endpoint of its own,
 * made and removed again. From the second time on the endpoint gets an address that none before
 * it had, so that no late reply reaches it.
 */
export function rpmsgServiceOpener(name: string, wanted: ServiceUrl, options: RpmsgOptions): OpenEndpoint {
  const { places, random, past } = options;
  let isRenewal = false;
  return async () => {
    const place = findService(name, wanted, places.trees, past);
    const renewed = isRenewal;
    isRenewal = true;
    const expected = { name: wanted.service, dst: place.node?.dst ?? place.dst };
    const renewable = place.control !== undefined && wanted.src === undefined;
    if (place.node !== undefined && !(renewed && renewable)) {
      const { device } = place.node;
      const path = join(places.dev, device);
      const fd = openNode(name, path, options);
      return endpointOn(name, { fd, device, path, expected, made: false, renewable }, options);
    }
    const src = wanted.src ?? (renewed ? freshAddress(random) : RPMSG_ADDRESS_ANY);
    const { device, fd } = await makeEndpoint(name, expected.name, src, place, options);
    const path = join(places.dev, device);
    return endpointOn(name, { fd, device, path, expected, made: true, renewable }, options);
  };
}

/** Above those that the kernel chooses by itself, and positive in every representation. */
function freshAddress(random: () => number): number {
  return 0x1_0000 + Math.floor(random() * 0x7ff0_0000);
}

/** Makes an endpoint and opens its node, which appears when the kernel and udev are done with it. */
async function makeEndpoint(
  name: string,
  service: string,
  src: number,
  place: ServicePlace,
  { places, time, timeouts: { rpmsg_node: limitMs } }: RpmsgOptions,
): Promise<{ device: string; fd: number }> {
  const { trees, dev, calls } = places;
  const control = join(dev, place.control!.device);
  const before = new Set(trees.rpmsg.endpointNodes());
  try {
    calls.create(control, { name: service, src, dst: place.dst });
  } catch (error) {
    throw rpmsgOpenFailed(name, control, error as NodeJS.ErrnoException);
  }
  const isIt = (endpoint: RpmsgEndpoint): boolean =>
    !before.has(endpoint.device) && endpoint.src === src && endpoint.dst === place.dst;
  const limit = time.monotonicNs() + BigInt(Math.ceil(limitMs * 1e6));
  for (;;) {
    const made = trees.rpmsg.endpoints(service).find(isIt);
    try {
      if (made !== undefined) return { device: made.device, fd: calls.open(join(dev, made.device)) };
    } catch (error) {
      const code = codeOf(error as NodeJS.ErrnoException);
      const mayChange = code === 'ENOENT' || code === 'EACCES' || code === 'EPERM';
      if (!mayChange || time.monotonicNs() >= limit) {
        throw rpmsgOpenFailed(name, join(dev, made!.device), error as NodeJS.ErrnoException);
      }
    }
    if (time.monotonicNs() >= limit) {
      throw new BridgeError(
        'TIMEOUT',
        `${name}: no endpoint appeared within ${limitMs} ms (rpmsg_node) of its making by ${control}`,
      );
    }
    await new Promise<void>((resolve) => time.set(resolve, LOOK_AGAIN_MS));
  }
}

const LOOK_AGAIN_MS = 10;
