import { closeSync } from 'node:fs';
import type Koffi from 'koffi';
import { checked } from './errno.js';
import { koffi } from './koffi.js';
import { libc } from './libc.js';

const AF_NETLINK = 16;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const NETLINK_KOBJECT_UEVENT = 15;
/** The kernel's own messages, sent before udev has dealt with them. */
const KERNEL_GROUP = 1;
const MESSAGE_SPACE = 8_192;

/** What the kernel tells of a device. */
export interface Uevent {
  /** `add`, `remove`, `change`, `bind`, `unbind` ... */
  readonly action: string;
  readonly subsystem: string;
  /** Below /sys: `/devices/...`. */
  readonly path: string;
}

/**
 * The kernel's messages about devices that come and go (netlink). Containers with a network
 * namespace of their own hear none of them: a hint, and never the only way to notice something.
 */
export class Uevents {
  private readonly fd: number;
  private readonly handle: InstanceType<typeof Koffi.node.PollHandle>;
  private readonly message = Buffer.alloc(MESSAGE_SPACE);
  private closed = false;

  /** Throws a SystemCallError where the kernel has no such socket for this process. */
  constructor(private readonly heard: (event: Uevent) => void) {
    const type = SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    this.fd = checked('socket', libc().socket(AF_NETLINK, type, NETLINK_KOBJECT_UEVENT));
    try {
      const address = netlinkAddress(KERNEL_GROUP);
      checked('bind', libc().bind(this.fd, address, address.length));
    } catch (error) {
      closeSync(this.fd);
      throw error;
    }
    this.handle = koffi().node.poll(this.fd, { readable: true }, () => this.readAll());
  }

  /** Also from inside `heard`, which is called no more. */
  close(): void {
    this.closed = true;
    this.handle.stop();
    this.handle.close();
    closeSync(this.fd);
  }

  private readAll(): void {
    for (let i = 0; i < MESSAGES_AT_ONCE && !this.closed; i++) {
      // Also -1 for ENOBUFS: messages were lost, which the slow look behind this one makes up for.
      const length = libc().read(this.fd, this.message, this.message.length);
      if (length <= 0) return;
      const event = parseUevent(this.message.subarray(0, length));
      if (event !== undefined) this.heard(event);
    }
  }
}

const MESSAGES_AT_ONCE = 64;

/** struct sockaddr_nl. */
function netlinkAddress(groups: number): Buffer {
  const address = Buffer.alloc(12);
  address.writeUInt16LE(AF_NETLINK, 0);
  address.writeUInt32LE(groups, 8);
  return address;
}

/** `add@/devices/...`, then `KEY=value`, each ended by a zero; undefined for anything else. */
export function parseUevent(message: Uint8Array): Uevent | undefined {
  const [head = '', ...lines] = Buffer.from(message).toString('utf8').split('\0');
  const at = head.indexOf('@');
  const subsystem = lines.find((line) => line.startsWith('SUBSYSTEM='))?.slice('SUBSYSTEM='.length);
  if (at <= 0 || subsystem === undefined) return undefined;
  return { action: head.slice(0, at), subsystem, path: head.slice(at + 1) };
}
