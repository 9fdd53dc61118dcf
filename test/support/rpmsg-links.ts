import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { timeouts } from '../../src/base/timeouts.js';
import { MessageLink, type OpenEndpoint } from '../../src/link/messages/message-link.js';
import { rpmsgDeviceOpener } from '../../src/link/rpmsg/open-device.js';
import { rpmsgServiceOpener } from '../../src/link/rpmsg/open-rpmsg.js';
import { RpmsgPast } from '../../src/link/rpmsg/rpmsg-past.js';
import { parseLinkUrl } from '../../src/link/url.js';
import { systemTime } from '../../src/linux/clock.js';
import { until } from '../contract/packet-link.js';
import { RpmsgKernel } from './rpmsg-kernel.js';

export const M4 = 'platform/soc/10000000.m4';
/** The transport of the processor. */
export const VIRTIO = `${M4}/remoteproc/remoteproc0/remoteproc0#vdev0buffer/virtio0`;
export const RUNNING = { device: 'remoteproc0', name: 'm4', state: 'running', hardware: M4 };

/** A recorded machine with rpmsg, and links on it that share what they learn, as the openings of one do. */
export class RpmsgLinks {
  readonly folder = mkdtempSync(join(tmpdir(), 'gpiobridge-rpmsg-'));
  readonly kernel = new RpmsgKernel(this.folder, VIRTIO);
  /** Time limit `rpmsg_node`: long where a node comes, short where it does not. */
  nodeLimitMs = 10_000;
  private readonly past = new RpmsgPast();
  private readonly links: MessageLink[] = [];

  async close(): Promise<void> {
    for (const link of this.links.splice(0)) await link.close();
    this.kernel.close();
    rmSync(this.folder, { recursive: true });
  }

  opener(url: string, processor_look = 50): OpenEndpoint {
    const { past } = this;
    const { places } = this.kernel;
    const limits = timeouts({ rpmsg_node: this.nodeLimitMs, processor_look });
    const options = { time: systemTime, random: Math.random, timeouts: limits, places, past };
    const parsed = parseLinkUrl(url);
    if (parsed.kind === 'rpmsg') return rpmsgDeviceOpener(url, parsed.path, options);
    if (parsed.kind !== 'rpmsg-service') throw new Error(url);
    return rpmsgServiceOpener(url, parsed, options);
  }

  open(url: string, lookMs?: number): MessageLink {
    const link = new MessageLink(url, this.opener(url, lookMs), { role: 'driver', time: systemTime });
    this.links.push(link);
    return link;
  }

  /** A link that came up. */
  async up(url: string, lookMs?: number): Promise<MessageLink> {
    const link = this.open(url, lookMs);
    await until(() => link.state.kind !== 'opening');
    if (link.state.kind !== 'up') throw new Error(JSON.stringify(link.state));
    return link;
  }

  /** Why a link does not come up. */
  async refusal(url: string): Promise<string> {
    const link = this.open(url);
    await until(() => link.state.kind === 'down');
    const { state } = link;
    return state.kind === 'down' ? `${state.cause}: ${state.reason}` : '';
  }
}
