import { realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { BridgeError } from '../../base/errors.js';
import { hardwareOf } from '../../linux/remoteproc.js';
import type { RpmsgEndpoint } from '../../linux/rpmsg-tree.js';
import type { OpenEndpoint } from '../messages/message-link.js';
import type { DeviceTrees } from './places.js';
import { endpointOn, openNode, type RpmsgOptions } from './rpmsg-endpoint.js';
import { titleOf } from './rpmsg-error.js';
import type { OpenedService, RpmsgPast } from './rpmsg-past.js';

/**
 * Opens the endpoint of a device node, `url` or what it leads to, as it is. Nodes get other numbers when
 * a processor restarts: once it was open it is known which service it was, and an endpoint of the same is opened
 * from then on, under whatever number. None is ever made. Rejects in one line with the remedy.
 */
export function rpmsgDeviceOpener(name: string, url: string, options: RpmsgOptions): OpenEndpoint {
  const { places, past } = options;
  return async () => {
    const given = realPath(url);
    if (/^rpmsg_ctrl/.test(basename(given))) {
      throw new BridgeError(
        'INVALID_ARGUMENT',
        `${name}: ${given} is a control device: give the name of the service, as in rpmsg:SERVICE`,
      );
    }
    const expected = past.opened;
    const path =
      expected === undefined
        ? given
        : join(places.dev, findOpened(name, expected, given, places.trees, past));
    const device = basename(path);
    const fd = openNode(name, path, options);
    const node = { fd, device, path, expected, made: false, renewable: false };
    const endpoint = endpointOn(name, node, options);
    past.opened ??= describe(places.trees.rpmsg.endpoint(device), places.trees);
    return endpoint;
  };
}

function describe(node: RpmsgEndpoint | undefined, { processors }: DeviceTrees): OpenedService | undefined {
  if (node === undefined) return undefined;
  const processor = processors.behind(node.path);
  return { ...node, hardware: processor === undefined ? undefined : hardwareOf(processor) };
}

/** The node now of a service that was open before: the one that is given, where it is that still. */
function findOpened(
  name: string,
  opened: OpenedService,
  given: string,
  trees: DeviceTrees,
  past: RpmsgPast,
): string {
  const same = trees.rpmsg.endpoints(opened.name).filter((node) => isSame(node, opened, trees));
  const node =
    same.find(({ device }) => device === basename(given)) ??
    same.find(({ src }) => src === opened.src) ??
    same[0];
  if (node !== undefined) return node.device;
  const there = trees.rpmsg.endpoint(basename(given));
  const other = there === undefined ? '' : `, and ${given} is that of ${titleOf(there)} now`;
  const down = past.processorDown(trees.processors.behind(opened.path));
  const why = down === undefined ? '' : `; ${down}`;
  throw new BridgeError('IO_ERROR', `${name}: the endpoint of ${titleOf(opened)} is gone${other}${why}`);
}

function isSame(node: RpmsgEndpoint, opened: OpenedService, { processors }: DeviceTrees): boolean {
  if (node.dst !== opened.dst) return false;
  if (opened.hardware === undefined) return true;
  const processor = processors.behind(node.path);
  return processor !== undefined && hardwareOf(processor) === opened.hardware;
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
