import { join } from 'node:path';
import { describeHolders } from '../../linux/port-holder.js';
import type { RemoteProcessor, RemoteprocTree } from '../../linux/remoteproc.js';
import { RPMSG_ADDRESS_ANY } from '../../linux/rpmsg.js';
import type { RpmsgTree } from '../../linux/rpmsg-tree.js';

/** What `gpiobridge remoteproc` shows. */
export interface RemoteprocReport {
  readonly processors: readonly RemoteProcessor[];
  readonly services: readonly ServiceRow[];
}

/** A channel that a firmware announced, or an endpoint that somebody made. */
export interface ServiceRow {
  readonly kind: 'channel' | 'endpoint';
  readonly service: string;
  /** The device of its processor: `remoteproc0`. */
  readonly processor: string | null;
  /** The device on the rpmsg bus; null of an endpoint. */
  readonly channel: string | null;
  /** Null: any. */
  readonly src: number | null;
  readonly dst: number | null;
  /** The kernel's driver that has the channel. */
  readonly driver: string | null;
  /** `/dev/rpmsg0` */
  readonly node: string | null;
  /** The coprocessor of the daemon that uses it. */
  readonly coprocessor: string | null;
  /** Other programs that have the node open: `pid 812 (rpmsg-test)`. */
  readonly holders: string | null;
}

/** Names of coprocessors by the device node that the daemon has open. */
export type NodeUsers = ReadonlyMap<string, string>;

/** Reads everything there is; `users` is what the daemon says, if one does. */
export function remoteprocReport(
  processors: RemoteprocTree,
  rpmsg: RpmsgTree,
  users: NodeUsers,
): RemoteprocReport {
  const use = (node: string | null): Pick<ServiceRow, 'node' | 'coprocessor' | 'holders'> => {
    const coprocessor = node === null ? null : (users.get(node) ?? null);
    const holders = node === null || coprocessor !== null ? null : (describeHolders(node) ?? null);
    return { node, coprocessor, holders };
  };
  const processorOf = (path: string): string | null => processors.behind(path)?.device ?? null;
  const ownNodes = new Set<string>();
  const channels = rpmsg.channels().map((channel): ServiceRow => {
    if (channel.node !== undefined) ownNodes.add(channel.node);
    return {
      kind: 'channel',
      service: channel.name,
      processor: processorOf(channel.path),
      channel: channel.id,
      src: addressOf(channel.src),
      dst: addressOf(channel.dst),
      driver: channel.driver ?? null,
      ...use(channel.node === undefined ? null : join('/dev', channel.node)),
    };
  });
  const endpoints = rpmsg
    .endpoints()
    .filter(({ device }) => !ownNodes.has(device))
    .map(
      ({ device, name, src, dst, path }): ServiceRow => ({
        kind: 'endpoint',
        service: name,
        processor: processorOf(path),
        channel: null,
        src: addressOf(src),
        dst: addressOf(dst),
        driver: null,
        ...use(join('/dev', device)),
      }),
    );
  return { processors: processors.processors(), services: [...channels, ...endpoints] };
}

function addressOf(address: number): number | null {
  return address === RPMSG_ADDRESS_ANY ? null : address;
}
