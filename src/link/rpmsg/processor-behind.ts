import { basename } from 'node:path';
import type { RemoteProcessor } from '../../linux/remoteproc.js';
import type { LinkUrl } from '../url.js';
import type { DeviceTrees } from './places.js';

/**
 * Which processor an rpmsg link leads to, read from sysfs at each question. Remembers it, since a
 * processor that stopped takes the channels with it by which it was found.
 */
export class ProcessorBehind {
  private known: string | undefined;

  constructor(
    private readonly url: LinkUrl,
    private readonly trees: DeviceTrees,
  ) {}

  /** `devicePath` is the node that the link has open now. Undefined: no rpmsg link, or not known yet. */
  now(devicePath: string | undefined): RemoteProcessor | undefined {
    const { url, trees } = this;
    if (url.kind !== 'rpmsg' && url.kind !== 'rpmsg-service') return undefined;
    const path = devicePath ?? (url.kind === 'rpmsg' ? url.path : undefined);
    const node = path === undefined ? undefined : trees.rpmsg.endpoint(basename(path));
    const behind =
      (node === undefined ? undefined : trees.processors.behind(node.path)) ??
      (url.kind === 'rpmsg-service' ? this.announcing(url.service, url.processor) : undefined);
    if (behind !== undefined) this.known = behind.device;
    return behind ?? (this.known === undefined ? undefined : trees.processors.processor(this.known));
  }

  /** The one that announces the service, or that the URL names. */
  private announcing(service: string, processor: string | undefined): RemoteProcessor | undefined {
    const { rpmsg, processors } = this.trees;
    if (processor !== undefined) {
      return processors.processors().find(({ name, device }) => processor === name || processor === device);
    }
    const channels = rpmsg.channels().filter(({ name }) => name === service);
    return channels.length === 1 ? processors.behind(channels[0]!.path) : undefined;
  }
}
