import { closeSync } from 'node:fs';
import type { Time } from '../../base/clock.js';
import { BridgeError } from '../../base/errors.js';
import type { Timeouts } from '../../base/timeouts.js';
import { readWaiting } from '../../linux/message-channel.js';
import type { RpmsgEndpoint } from '../../linux/rpmsg-tree.js';
import type { MessageEndpoint } from '../messages/message-endpoint.js';
import { RPMSG_MAX_PACKET } from '../messages/message-link.js';
import type { RpmsgPlaces } from './places.js';
import { rpmsgEnded, rpmsgOpenFailed, titleOf } from './rpmsg-error.js';
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

/** Which service an endpoint is of. */
export type ExpectedService = Pick<RpmsgEndpoint, 'name' | 'dst'>;

export interface OpenNode {
  readonly fd: number;
  /** `rpmsg0` */
  readonly device: string;
  readonly path: string;
  /** The service that has to be behind it, and its address; undefined: whichever is. */
  readonly expected: ExpectedService | undefined;
  /** Whether this process made it, and so removes it. */
  readonly made: boolean;
  readonly renewable: boolean;
}

/** Takes over an open node; what waited in it since before it was open is dropped. */
export function endpointOn(name: string, node: OpenNode, options: RpmsgOptions): MessageEndpoint {
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
  expected: ExpectedService | undefined,
): RpmsgEndpoint {
  if (found === undefined) throw new BridgeError('IO_ERROR', `${name}: ${path} is no rpmsg endpoint`);
  if (expected === undefined || (found.name === expected.name && found.dst === expected.dst)) return found;
  throw new BridgeError('IO_ERROR', `${name}: ${path} is the endpoint of ${titleOf(found)} now`);
}

/** Opens a node of `dev`. Throws in one line with the remedy. */
export function openNode(name: string, path: string, { places }: RpmsgOptions): number {
  try {
    return places.calls.open(path);
  } catch (error) {
    throw rpmsgOpenFailed(name, path, error as NodeJS.ErrnoException);
  }
}
