import { basename, dirname, join, sep } from 'node:path';
import { RPMSG_ADDRESS_ANY } from './rpmsg.js';
import { attribute, devicePath, entries, identity, linkedName, printable, SYSFS } from './sysfs.js';

/** A channel that a remote processor announced: a device on the rpmsg bus. */
export interface RpmsgChannel {
  /** `virtio0.rpmsg-raw.-1.1024` */
  readonly id: string;
  /** The service. */
  readonly name: string;
  readonly src: number;
  readonly dst: number;
  /** The kernel's driver that has it; undefined: none. */
  readonly driver: string | undefined;
  /** Its own endpoint's, where user space has one: `rpmsg0`. */
  readonly node: string | undefined;
  /** Below /sys/devices. */
  readonly path: string;
}

/** An endpoint that user space can open: /dev/rpmsgN. */
export interface RpmsgEndpoint {
  /** `rpmsg0` */
  readonly device: string;
  readonly name: string;
  readonly src: number;
  readonly dst: number;
  readonly path: string;
}

/** A control device: /dev/rpmsg_ctrlN. */
export interface RpmsgControl {
  /** `rpmsg_ctrl0` */
  readonly device: string;
  readonly path: string;
}

/**
 * rpmsg as sysfs shows it, read anew at each question, and no more of it than the answer takes: on small
 * processors that is most of what a recovery costs. `root` is where sysfs is.
 */
export class RpmsgTree {
  constructor(private readonly root: string = SYSFS) {}

  /** Whether the kernel has rpmsg at all. */
  get exists(): boolean {
    return devicePath(join(this.root, 'bus/rpmsg')) !== undefined;
  }

  /** All, or those of a service. */
  channels(service?: string): RpmsgChannel[] {
    const bus = join(this.root, 'bus/rpmsg/devices');
    return entries(bus).flatMap((id) => {
      const name = attribute(join(bus, id, 'name'));
      if (name === undefined || INTERNAL.has(name) || name !== (service ?? name)) return [];
      const path = devicePath(join(bus, id));
      const described = path === undefined ? undefined : describe(path);
      if (path === undefined || described === undefined) return [];
      const driver = linkedName(join(path, 'driver'));
      const node = entries(join(path, 'rpmsg')).find((name) => ENDPOINT.test(name));
      return [{ id: printable(id), ...described, driver, node, path }];
    });
  }

  /** All, or those of a service. */
  endpoints(service?: string): RpmsgEndpoint[] {
    return this.nodes(ENDPOINT).flatMap((device) => {
      const isMeant =
        service === undefined || attribute(join(this.root, 'class/rpmsg', device, 'name')) === service;
      return (isMeant ? this.endpoint(device) : undefined) ?? [];
    });
  }

  /** The names of the nodes that endpoints have now. */
  endpointNodes(): string[] {
    return this.nodes(ENDPOINT);
  }

  /** An endpoint by the name of its node, `rpmsg0`; undefined when it is gone. */
  endpoint(device: string): RpmsgEndpoint | undefined {
    const path = devicePath(join(this.root, 'class/rpmsg', device));
    const described = path === undefined ? undefined : describe(path);
    return path === undefined || described === undefined ? undefined : { device, ...described, path };
  }

  controls(): RpmsgControl[] {
    return this.nodes(CONTROL).flatMap((device) => {
      const path = devicePath(join(this.root, 'class/rpmsg', device));
      return path === undefined ? [] : [{ device, path }];
    });
  }

  /** The control device through which endpoints that reach a channel are made. */
  controlOf(channel: RpmsgChannel): RpmsgControl | undefined {
    const transport = dirname(channel.path) + sep;
    return this.controls().find(({ path }) => path.startsWith(transport));
  }

  /** The control device that an endpoint was made through; undefined: it is a channel's own. */
  controlAbove({ path }: RpmsgEndpoint): RpmsgControl | undefined {
    return this.controls().find((control) => path.startsWith(control.path + sep));
  }

  /** The channels of a service on the transport that a control device belongs to. */
  channelsOf(control: RpmsgControl, service: string): RpmsgChannel[] {
    return this.channels(service).filter(({ path }) => control.path.startsWith(dirname(path) + sep));
  }

  /**
   * Tells a channel, by its path, from one that took its place and its name; undefined when it is gone. Asked of the bus, which
   * it leaves before the kernel tells of its end: its own directory is still there then.
   */
  identityOf(path: string): number | undefined {
    return identity(join(this.root, 'bus/rpmsg/devices', basename(path)));
  }

  private nodes(pattern: RegExp): string[] {
    return entries(join(this.root, 'class/rpmsg')).filter((device) => pattern.test(device));
  }
}

/** The kernel's driver that gives a channel a node for user space. */
const CHARACTER_DRIVER = 'rpmsg_chrdev';

/** The kernel's driver that has the channel at `path` for itself; undefined: user space may have it. */
export function driverInTheWay(path: string): string | undefined {
  const driver = linkedName(join(path, 'driver'));
  return driver === CHARACTER_DRIVER ? undefined : driver;
}

const ENDPOINT = /^rpmsg\d+$/;
const CONTROL = /^rpmsg_ctrl\d+$/;
/** Devices on the bus that are the kernel's own: the name service and the control devices. */
const INTERNAL: ReadonlySet<string> = new Set(['rpmsg_ns', 'rpmsg_ctrl', 'rpmsg_chrdev']);

function describe(path: string): { name: string; src: number; dst: number } | undefined {
  const name = attribute(join(path, 'name'));
  if (name === undefined) return undefined;
  return { name, src: address(join(path, 'src')), dst: address(join(path, 'dst')) };
}

/** Channels show addresses in hexadecimal, endpoints as signed numbers. */
function address(path: string): number {
  const value = Number(attribute(path) ?? Number.NaN);
  return Number.isInteger(value) ? value >>> 0 : RPMSG_ADDRESS_ANY;
}
