import { closeSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Time } from '../../base/clock.js';
import { BridgeError } from '../../base/errors.js';
import type { Timeouts } from '../../base/timeouts.js';
import { codeOf } from '../../linux/errno.js';
import { readWaiting } from '../../linux/message-channel.js';
import { RPMSG_ADDRESS_ANY } from '../../linux/rpmsg.js';
import type { RpmsgEndpoint } from '../../linux/rpmsg-tree.js';
import type { MessageEndpoint } from '../messages/message-endpoint.js';
import { type OpenEndpoint, RPMSG_MAX_PACKET } from '../messages/message-link.js';
import { findService, type ServicePlace, type ServiceUrl } from './find-service.js';
import type { RpmsgPlaces } from './places.js';
import { rpmsgEnded, rpmsgOpenFailed } from './rpmsg-error.js';
import type { RpmsgPast } from './rpmsg-past.js';
import { channelWatch, lookAfter } from './watch-endpoint.js';

export interface RpmsgOptions {
  readonly places: RpmsgPlaces;
  readonly time: Time;
  /** As Math.random: addresses of renewed endpoints come from it. */
  readonly random: () => number;
  /** The limits `rpmsg_node` and `processor_look` of base/timeouts.ts count. */
  readonly timeouts: Timeouts;
  readonly past: RpmsgPast;
}

/** Opens the endpoint of a device node, as it is. Rejects in one line with the remedy. */
export async function openRpmsgDevice(
  name: string,
  url: string,
  options: RpmsgOptions,
): Promise<MessageEndpoint> {
  const path = realPath(url);
  const device = basename(path);
  if (/^rpmsg_ctrl/.test(device)) {
    throw new BridgeError(
      'INVALID_ARGUMENT',
      `${name}: ${path} is a control device: give the name of the service, as in rpmsg:SERVICE`,
    );
  }
  const fd = openNode(name, path, options);
  return endpointOn(name, { fd, device, path, expected: undefined, made: false, renewable: false }, options);
}

/**
 * Opens a service, which is found by name each time: its channel's own node, or an endpoint of its own,
 * made and removed again. From the second time on the endpoint gets an address that none before
 * it had, so that no late reply reaches it.
 */
export function rpmsgServiceOpener(name: string, wanted: ServiceUrl, options: RpmsgOptions): OpenEndpoint {
  const { places, random, past } = options;
  const { service: expected } = wanted;
  let isRenewal = false;
  return async () => {
    const place = findService(name, wanted, places.trees, past);
    const renewed = isRenewal;
    isRenewal = true;
    const renewable = place.control !== undefined && wanted.src === undefined;
    if (place.node !== undefined && !(renewed && renewable)) {
      const { device } = place.node;
      const path = join(places.dev, device);
      const fd = openNode(name, path, options);
      return endpointOn(name, { fd, device, path, expected, made: false, renewable }, options);
    }
    const src = wanted.src ?? (renewed ? freshAddress(random) : RPMSG_ADDRESS_ANY);
    const { device, fd } = await makeEndpoint(name, expected, src, place, options);
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
  const before = new Set(trees.rpmsg.endpoints().map(({ device }) => device));
  try {
    calls.create(control, { name: service, src, dst: place.dst });
  } catch (error) {
    throw rpmsgOpenFailed(name, control, error as NodeJS.ErrnoException);
  }
  const isIt = (endpoint: RpmsgEndpoint): boolean =>
    !before.has(endpoint.device) &&
    endpoint.name === service &&
    endpoint.src === src &&
    endpoint.dst === place.dst;
  const limit = time.monotonicNs() + BigInt(Math.ceil(limitMs * 1e6));
  for (;;) {
    const made = trees.rpmsg.endpoints().find(isIt);
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

interface OpenNode {
  readonly fd: number;
  /** `rpmsg0` */
  readonly device: string;
  readonly path: string;
  /** The service that has to be behind it; undefined: whichever is. */
  readonly expected: string | undefined;
  /** Whether this process made it, and so removes it. */
  readonly made: boolean;
  readonly renewable: boolean;
}

/** Takes over an open node; what waited in it since before it was open is dropped. */
function endpointOn(name: string, node: OpenNode, options: RpmsgOptions): MessageEndpoint {
  const { places, time, timeouts, past } = options;
  const { fd, device, path, expected, made, renewable } = node;
  const { trees, calls, hearKernel } = places;
  const close = (): void => {
    try {
      if (made) calls.destroy(fd);
    } catch {
      // It went with its channel.
    }
    closeSync(fd);
  };
  try {
    const found = checkNode(name, path, trees.rpmsg.endpoint(device), expected);
    const processorDown = () => past.processorDown(trees.processors.behind(found.path));
    const reason = processorDown();
    if (reason !== undefined) throw new BridgeError('IO_ERROR', `${name}: ${reason}`);
    const lostChannel = channelWatch(found, trees.rpmsg);
    return {
      fd,
      path,
      maxPacket: RPMSG_MAX_PACKET,
      renewable,
      drained: made ? 0 : readWaiting(fd),
      explainEnd: (error) => rpmsgEnded(error, processorDown()),
      watch: (ended) => {
        const down = () => processorDown() ?? lostChannel();
        return lookAfter(down, ended, { time, everyMs: timeouts.processor_look, hearKernel });
      },
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** The number may have gone to another channel between the look at it and its opening. */
function checkNode(
  name: string,
  path: string,
  found: RpmsgEndpoint | undefined,
  expected: string | undefined,
): RpmsgEndpoint {
  if (found !== undefined && (expected === undefined || found.name === expected)) return found;
  const what = found === undefined ? 'no rpmsg endpoint' : `the endpoint of '${found.name}' now`;
  throw new BridgeError('IO_ERROR', `${name}: ${path} is ${what}`);
}

function openNode(name: string, path: string, { places }: RpmsgOptions): number {
  try {
    return places.calls.open(path);
  } catch (error) {
    throw rpmsgOpenFailed(name, path, error as NodeJS.ErrnoException);
  }
}

/** The node itself, also behind a symbolic link that udev made. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    // Opening it says what is wrong.
    return path;
  }
}
