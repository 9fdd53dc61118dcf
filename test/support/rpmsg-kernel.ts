import { closeSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RpmsgPlaces } from '../../src/link/rpmsg/places.js';
import { SystemCallError } from '../../src/linux/errno.js';
import { RemoteprocTree } from '../../src/linux/remoteproc.js';
import type { EndpointInfo } from '../../src/linux/rpmsg.js';
import { RpmsgTree } from '../../src/linux/rpmsg-tree.js';
import { seqpacketPair } from '../../src/linux/seqpacket.js';
import type { Uevent } from '../../src/linux/uevents.js';
import { SysfsTree } from './sysfs-tree.js';

/** An endpoint of {@link RpmsgKernel} that is open. */
export interface OpenEndpoint {
  readonly device: string;
  readonly fd: number;
  /** The firmware's end: what is written to it is read at `fd`. */
  readonly firmware: number;
}

/**
 * rpmsg's system calls on a recorded sysfs, without a kernel: nodes open as message sockets, which read,
 * write and poll as endpoints do, and endpoints come into sysfs and go as drivers/rpmsg makes them.
 */
export class RpmsgKernel {
  readonly sysfs: SysfsTree;
  readonly places: RpmsgPlaces;
  readonly open: OpenEndpoint[] = [];
  readonly created: EndpointInfo[] = [];
  /** Errors by the node whose opening or making fails: `{ rpmsg0: 'EBUSY' }`. */
  readonly failing = new Map<string, number>();
  /** What happens right after a node was opened, before anybody looks at it. */
  afterOpen: (device: string) => void = () => {};
  /** Messages that wait in a node before it is opened. */
  waiting: readonly string[] = [];
  private readonly listeners = new Set<(event: Uevent) => void>();
  private nextNumber: number;

  /** `transport` is where made endpoints go, `control` the device that makes them. */
  constructor(
    folder: string,
    private readonly transport: string,
    private readonly control = 'rpmsg_ctrl0',
    firstNumber = 0,
  ) {
    this.sysfs = new SysfsTree(join(folder, 'sys'));
    this.nextNumber = firstNumber;
    const { root } = this.sysfs;
    this.places = {
      trees: { rpmsg: new RpmsgTree(root), processors: new RemoteprocTree(root) },
      dev: folder,
      calls: {
        open: (path) => this.openNode(path),
        create: (control, info) => this.create(control, info),
        destroy: (fd) => this.destroy(fd),
      },
      hearKernel: (heard) => {
        this.listeners.add(heard);
        return { close: () => this.listeners.delete(heard) };
      },
    };
  }

  /** Closes what was left open. */
  close(): void {
    for (const { firmware } of this.open.splice(0)) closeSync(firmware);
  }

  /** The endpoint that was opened last. */
  get last(): OpenEndpoint {
    return this.open.at(-1)!;
  }

  /** How many listen to {@link tell}. */
  get listening(): number {
    return this.listeners.size;
  }

  /** Says what became of an rpmsg device, by its path below /sys/devices. */
  tell(action: string, path: string): void {
    for (const heard of [...this.listeners]) {
      if (this.listeners.has(heard)) heard({ action, subsystem: 'rpmsg', path: `/devices/${path}` });
    }
  }

  private openNode(path: string): number {
    const device = path.slice(path.lastIndexOf('/') + 1);
    this.failIfToldTo(device, 'open');
    const [fd, firmware] = seqpacketPair();
    this.open.push({ device, fd, firmware });
    for (const text of this.waiting) writeFileSync(firmware, text);
    this.afterOpen(device);
    return fd;
  }

  private create(control: string, info: EndpointInfo): void {
    const device = `rpmsg${this.nextNumber++}`;
    this.failIfToldTo(control.slice(control.lastIndexOf('/') + 1), 'ioctl');
    this.created.push(info);
    this.sysfs.endpoint(this.transport, this.control, { device, ...info });
  }

  private destroy(fd: number): void {
    // Numbers of descriptors are used again.
    const { device } = this.open.findLast((one) => one.fd === fd)!;
    rmSync(join(this.sysfs.root, 'class/rpmsg', device));
  }

  private failIfToldTo(device: string, call: string): void {
    const errno = this.failing.get(device);
    if (errno !== undefined) throw new SystemCallError(call, errno);
  }
}
