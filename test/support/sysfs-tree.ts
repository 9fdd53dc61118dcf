import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** A remote processor of a recorded machine. */
export interface ProcessorRecord {
  readonly device: string;
  readonly name: string;
  readonly state: string;
  readonly firmware?: string;
  readonly recovery?: string;
  readonly coredump?: string;
  /** The hardware below /sys/devices: `platform/soc/10000000.m4`. */
  readonly hardware: string;
}

/** An rpmsg channel of a recorded machine. */
export interface ChannelRecord {
  readonly name: string;
  readonly src?: number;
  readonly dst: number;
  /** The kernel's driver that has it. */
  readonly driver?: string;
  /** Its own node: `rpmsg0`. */
  readonly node?: string;
}

/** An endpoint that was made through a control device. */
export interface EndpointRecord {
  readonly device: string;
  readonly name: string;
  readonly src: number;
  readonly dst: number;
}

/** The transport of one processor, below it: its channels and its control device. */
export interface TransportRecord {
  /** The path below /sys/devices that ends in it: `.../remoteproc0#vdev0buffer/virtio0`. */
  readonly path: string;
  readonly channels?: readonly ChannelRecord[];
  /** `rpmsg_ctrl0` */
  readonly control?: string;
  /** Made through the control device. */
  readonly endpoints?: readonly EndpointRecord[];
}

const ANY = 0xffff_ffff;

/** Builds /sys below a directory as kernels show it, from a description of what a machine had. */
export class SysfsTree {
  constructor(readonly root: string) {
    for (const folder of ['bus/rpmsg/devices', 'bus/rpmsg/drivers', 'class/rpmsg', 'class/remoteproc']) {
      mkdirSync(join(root, folder), { recursive: true });
    }
  }

  processor({ device, name, state, hardware, ...rest }: ProcessorRecord): this {
    const path = this.device(`${hardware}/remoteproc/${device}`, `class/remoteproc/${device}`);
    this.attributes(path, { name, state, ...rest });
    return this;
  }

  /** Attributes of a processor read otherwise from now on. */
  set(device: string, values: Partial<Omit<ProcessorRecord, 'device' | 'hardware'>>): this {
    this.attributes(join(this.root, 'class/remoteproc', device), values);
    return this;
  }

  transport({ path, channels = [], control, endpoints = [] }: TransportRecord): this {
    for (const channel of channels) this.channel(path, channel);
    if (control !== undefined) {
      const device = `${basename(path)}.rpmsg_ctrl.0.0`;
      const folder = this.device(`${path}/${device}`, `bus/rpmsg/devices/${device}`);
      this.attributes(folder, { name: 'rpmsg_ctrl', src: '0x0', dst: '0x0' });
      this.device(controlPath(path, control), `class/rpmsg/${control}`);
      for (const endpoint of endpoints) this.endpoint(path, control, endpoint);
    }
    return this;
  }

  channel(transport: string, { name, src = ANY, dst, driver, node }: ChannelRecord): this {
    const id = `${basename(transport)}.${name}.${src | 0}.${dst | 0}`;
    const folder = this.device(`${transport}/${id}`, `bus/rpmsg/devices/${id}`);
    this.attributes(folder, { name, src: hex(src), dst: hex(dst), announce: 'false', driver_override: '' });
    if (driver !== undefined) this.bind(`${transport}/${id}`, driver);
    if (node !== undefined) {
      const path = this.device(`${transport}/${id}/rpmsg/${node}`, `class/rpmsg/${node}`);
      this.attributes(path, { name, src: String(src | 0), dst: String(dst | 0) });
    }
    return this;
  }

  /** A driver of the kernel takes a device. */
  bind(device: string, driver: string): this {
    const folder = join(this.root, 'bus/rpmsg/drivers', driver);
    mkdirSync(folder, { recursive: true });
    this.link(join(this.root, 'devices', device, 'driver'), folder);
    return this;
  }

  endpoint(transport: string, control: string, { device, name, src, dst }: EndpointRecord): this {
    const path = this.device(`${controlPath(transport, control)}/${device}`, `class/rpmsg/${device}`);
    this.attributes(path, { name, src: String(src | 0), dst: String(dst | 0) });
    return this;
  }

  /** Takes a device away, with all below it: `class/rpmsg/rpmsg0` and what it names. */
  remove(link: string, device: string): this {
    rmSync(join(this.root, link), { force: true });
    rmSync(join(this.root, 'devices', device), { recursive: true, force: true });
    return this;
  }

  private device(path: string, link: string): string {
    const folder = join(this.root, 'devices', path);
    mkdirSync(folder, { recursive: true });
    this.link(join(this.root, link), folder);
    return folder;
  }

  private link(at: string, target: string): void {
    mkdirSync(dirname(at), { recursive: true });
    symlinkSync(relative(dirname(at), target), at);
  }

  private attributes(folder: string, values: Readonly<Record<string, string>>): void {
    for (const [name, value] of Object.entries(values)) writeFileSync(join(folder, name), `${value}\n`);
  }
}

function controlPath(transport: string, control: string): string {
  return `${transport}/${basename(transport)}.rpmsg_ctrl.0.0/rpmsg/${control}`;
}

function basename(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function hex(address: number): string {
  return `0x${address.toString(16)}`;
}
