import { basename } from 'node:path';
import { hardwareOf, type RemoteProcessor } from '../../linux/remoteproc.js';
import type { LinkUrl } from '../url.js';
import type { DeviceTrees } from './places.js';
import type { RpmsgPast } from './rpmsg-past.js';

/**
 * Which processor an rpmsg link leads to, read from sysfs at each question. Remembers it, since a
 * processor that stopped takes the channels with it by which it was found.
 */
export class ProcessorBehind {
  private known: string | undefined;

  constructor(
    private readonly url: LinkUrl,
    private readonly trees: DeviceTrees,
    private readonly past: RpmsgPast,
  ) {}

  /** `devicePath` is the node that the link has open now. Undefined: no rpmsg link, or not known yet. */
  now(devicePath: string | undefined): RemoteProcessor | undefined {
    const { url, trees } = this;
    if (url.kind !== 'rpmsg' && url.kind !== 'rpmsg-service') return undefined;
    const behind =
      (devicePath === undefined ? undefined : this.behindNode(devicePath)) ??
      (url.kind === 'rpmsg-service' ? this.announcing(url.service, url.processor) : this.ofDevice(url.path));
    if (behind !== undefined) this.known = behind.device;
    return behind ?? (this.known === undefined ? undefined : trees.processors.processor(this.known));
  }

  private behindNode(path: string): RemoteProcessor | undefined {
    const node = this.trees.rpmsg.endpoint(basename(path));
    return node === undefined ? undefined : this.trees.processors.behind(node.path);
  }

  /** The one that the device was of when it was opened first: its number may be another's now. */
  private ofDevice(path: string): RemoteProcessor | undefined {
    const { opened } = this.past;
    if (opened === undefined) return this.behindNode(path);
    return this.trees.processors.processors().find((one) => hardwareOf(one) === opened.hardware);
  }

  /** The one that announces the service, or that the URL names. */
  private announcing(service: string, processor: string | undefined): RemoteProcessor | undefined {
    const { rpmsg, processors } = this.trees;
    if (processor !== undefined) {
      return processors.processors().find(({ name, device }) => processor === name || processor === device);
    }
    const channels = rpmsg.channels(service);
    return channels.length === 1 ? processors.behind(channels[0]!.path) : undefined;
  }
}
