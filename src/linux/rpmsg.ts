import { closeSync, constants, openSync } from 'node:fs';
import { checked, ERRNO } from './errno.js';
import { lastErrno, libc } from './libc.js';

/** The system calls of /dev/rpmsgN and /dev/rpmsg_ctrlN. */

/** Any address: the kernel chooses a free one. */
export const RPMSG_ADDRESS_ANY = 0xffff_ffff;

/** struct rpmsg_endpoint_info. */
export interface EndpointInfo {
  /** Of the service, at most {@link MAX_SERVICE_NAME} bytes. */
  readonly name: string;
  /** Its own address. */
  readonly src: number;
  /** Where what is written goes. */
  readonly dst: number;
}

/** Bytes of a service's name; a final zero makes 32. */
export const MAX_SERVICE_NAME = 31;

const NAME_SPACE = 32;
const INFO_LENGTH = NAME_SPACE + 8;
/** _IOW(0xb5, 1, struct rpmsg_endpoint_info) */
const RPMSG_CREATE_EPT_IOCTL = 0x4028b501;
/** _IO(0xb5, 2) */
const RPMSG_DESTROY_EPT_IOCTL = 0xb502;

/** What is asked of the kernel; each throws a SystemCallError, or Node's own of the same shape. */
export interface RpmsgCalls {
  /** Opens /dev/rpmsgN, non-blocking. EBUSY: it is open already. */
  open(path: string): number;
  /** Makes an endpoint through /dev/rpmsg_ctrlN. Its node is not told: sysfs has it. */
  create(control: string, info: EndpointInfo): void;
  /**
   * Removes an endpoint that {@link create} made, node and all; nothing where the kernel removed it already. EINVAL: it
   * is a channel's own.
   */
  destroy(fd: number): void;
}

export const rpmsgCalls: RpmsgCalls = {
  open: (path) => openSync(path, constants.O_RDWR | constants.O_NONBLOCK),

  create: (control, { name, src, dst }) => {
    const info = Buffer.alloc(INFO_LENGTH);
    info.write(name, 0, MAX_SERVICE_NAME, 'utf8');
    info.writeUInt32LE(src, NAME_SPACE);
    info.writeUInt32LE(dst, NAME_SPACE + 4);
    const fd = openSync(control, constants.O_RDWR | constants.O_NONBLOCK);
    try {
      checked('ioctl RPMSG_CREATE_EPT', libc().ioctl(fd, RPMSG_CREATE_EPT_IOCTL, info));
    } finally {
      closeSync(fd);
    }
  },

  destroy: (fd) => {
    // Linux 6.1 would remove it once more, and die of that (test/kernel: a device unplugged in use).
    if (wasRemoved(fd)) return;
    checked('ioctl RPMSG_DESTROY_EPT', libc().ioctl(fd, RPMSG_DESTROY_EPT_IOCTL, null));
  },
};

/** Whether the endpoint went with the device that it belongs to: the only EPIPE that reading knows. */
function wasRemoved(fd: number): boolean {
  const scratch = Buffer.allocUnsafe(1);
  return libc().read(fd, scratch, scratch.length) < 0 && lastErrno() === ERRNO.EPIPE;
}
