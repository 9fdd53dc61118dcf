import { BridgeError } from '../../base/errors.js';
import type { RemoteProcessor } from '../../linux/remoteproc.js';
import { RPMSG_ADDRESS_ANY } from '../../linux/rpmsg.js';
import {
  driverInTheWay,
  type RpmsgChannel,
  type RpmsgControl,
  type RpmsgEndpoint,
  type RpmsgTree,
} from '../../linux/rpmsg-tree.js';
import type { DeviceTrees } from './places.js';
import type { RpmsgPast } from './rpmsg-past.js';

/** Which service, as a link's URL says. */
export interface ServiceUrl {
  /** The name under which the firmware announces it. */
  readonly service: string;
  /** Linux's own address; undefined: any. */
  readonly src: number | undefined;
  /** The firmware's address; undefined: as it announces. */
  readonly dst: number | undefined;
  /** Of which processor, by name or device; undefined: there is one only. */
  readonly processor: string | undefined;
}

/** How a service is reached. */
export interface ServicePlace {
  /** An endpoint that is there already. */
  readonly node: RpmsgEndpoint | undefined;
  /** Through which others can be made; undefined: there is none, and the node is the channel's own. */
  readonly control: RpmsgControl | undefined;
  /** What to write to. */
  readonly dst: number;
}

/**
 * Finds a service by name in sysfs: the channel that the firmware announced, else an endpoint that
 * somebody made, else, with `dst`, the control device alone, for firmware that announces nothing.
 * Throws in one line with the remedy: IO_ERROR where it is not there, BUSY where a driver of the
 * kernel has it, INVALID_ARGUMENT where several could be meant.
 */
export function findService(
  name: string,
  wanted: ServiceUrl,
  trees: DeviceTrees,
  past: RpmsgPast,
): ServicePlace {
  const { rpmsg } = trees;
  if (!rpmsg.exists) {
    throw new BridgeError('IO_ERROR', `${name}: the kernel has no rpmsg: load its modules (docs/rpmsg.md)`);
  }
  const channels = rpmsg.channels(wanted.service).filter((channel) => matches(channel, wanted, trees));
  if (channels.length > 1) throw ambiguous(name, channels);
  const channel = channels[0];
  if (channel !== undefined) return placeOf(name, channel, rpmsg, wanted);
  const endpoints = rpmsg.endpoints(wanted.service).filter((endpoint) => matches(endpoint, wanted, trees));
  const [node] = endpoints;
  if (node !== undefined) return { node, control: rpmsg.controlAbove(node), dst: node.dst };
  if (wanted.dst === undefined) throw notAnnounced(name, wanted, trees, past);
  return { node: undefined, control: onlyControl(name, wanted, trees, past), dst: wanted.dst };
}

function placeOf(name: string, channel: RpmsgChannel, rpmsg: RpmsgTree, wanted: ServiceUrl): ServicePlace {
  const { dst } = channel;
  if (channel.node !== undefined) {
    const node = rpmsg.endpoint(channel.node);
    if (node !== undefined) return { node, control: undefined, dst };
  }
  if (driverInTheWay(channel.path) !== undefined) {
    throw new BridgeError(
      'BUSY',
      `${name}: the kernel's driver ${channel.driver} has the channel ${channel.id}: release it with ` +
        `echo ${channel.id} | sudo tee /sys/bus/rpmsg/drivers/${channel.driver}/unbind (docs/rpmsg.md)`,
    );
  }
  const control = rpmsg.controlOf(channel);
  if (control === undefined) {
    throw new BridgeError(
      'IO_ERROR',
      `${name}: there is no /dev/rpmsg_ctrlN for the channel ${channel.id}: sudo modprobe rpmsg_ctrl (rpmsg_char before Linux 5.18)`,
    );
  }
  const node = rpmsg
    .endpoints(channel.name)
    .find(
      (endpoint) =>
        endpoint.dst === dst &&
        endpoint.path.startsWith(`${control.path}/`) &&
        (wanted.src === undefined || endpoint.src === wanted.src),
    );
  return { node, control, dst };
}

function matches(
  device: Pick<RpmsgEndpoint, 'src' | 'dst' | 'path'>,
  { src, dst, processor }: ServiceUrl,
  { processors }: DeviceTrees,
): boolean {
  // A channel without an address of its own takes the one that is asked for.
  if (src !== undefined && device.src !== RPMSG_ADDRESS_ANY && device.src !== src) return false;
  if (dst !== undefined && device.dst !== dst) return false;
  return processor === undefined || isNamed(processors.behind(device.path), processor);
}

function isNamed(processor: RemoteProcessor | undefined, name: string): boolean {
  return processor?.name === name || processor?.device === name;
}

/** For a service that nobody announces: which processor it is on has to be clear without. */
function onlyControl(
  name: string,
  { processor }: ServiceUrl,
  trees: DeviceTrees,
  past: RpmsgPast,
): RpmsgControl {
  const controls = trees.rpmsg
    .controls()
    .filter(({ path }) => processor === undefined || isNamed(trees.processors.behind(path), processor));
  if (controls.length === 1) return controls[0]!;
  if (controls.length === 0) {
    throw new BridgeError(
      'IO_ERROR',
      `${name}: there is no /dev/rpmsg_ctrlN: ${processorsDown(trees, past) ?? 'sudo modprobe rpmsg_ctrl (rpmsg_char before Linux 5.18)'}`,
    );
  }
  const which = controls.map(({ device }) => `/dev/${device}`).join(', ');
  throw new BridgeError(
    'INVALID_ARGUMENT',
    `${name}: several processors could be meant (${which}): say which with ?processor=NAME`,
  );
}

function ambiguous(name: string, channels: readonly RpmsgChannel[]): BridgeError {
  const list = channels.map(({ id, dst }) => `${id} (dst ${hex(dst)})`).join(', ');
  return new BridgeError(
    'INVALID_ARGUMENT',
    `${name}: several channels have that name: ${list}: say which with ?dst=, ?src= or ?processor=`,
  );
}

function notAnnounced(
  name: string,
  { service }: ServiceUrl,
  trees: DeviceTrees,
  past: RpmsgPast,
): BridgeError {
  const others = [...new Set(trees.rpmsg.channels().map((channel) => channel.name))];
  const because = processorsDown(trees, past);
  const there = others.length === 0 ? 'no service' : others.join(', ');
  return new BridgeError(
    'IO_ERROR',
    `${name}: no firmware announces '${service}'; there is ${there}${because === undefined ? '' : `; ${because}`}`,
  );
}

/** What keeps services away: processors that do not serve, with the remedy. */
function processorsDown({ processors }: DeviceTrees, past: RpmsgPast): string | undefined {
  const down = processors.processors().flatMap((processor) => past.processorDown(processor) ?? []);
  return down.length === 0 ? undefined : down.join('; ');
}

/** An address as the firmware's source has it. */
function hex(address: number): string {
  return `0x${address.toString(16)}`;
}
