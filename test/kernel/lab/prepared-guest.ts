import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What the preparation made (test/kernel/prepare): absolute paths. */
export interface PreparedGuest {
  /** Of the kernel, as uname says it. */
  readonly release: string;
  /** An ELF file that QEMU starts directly. */
  readonly vmlinux: string;
  readonly initramfs: string;
  /** Files that lie over the host's root file system: modules, gpiod, programs. */
  readonly root: string;
}

/** The guest that `npm run test:kernel` prepared for this run. */
export function preparedGuest(): PreparedGuest {
  const folder = process.env.GPIOBRIDGE_KERNEL_GUEST;
  if (folder === undefined)
    throw new Error('GPIOBRIDGE_KERNEL_GUEST is not set: start the kernel tier with npm run test:kernel');
  return JSON.parse(readFileSync(join(folder, 'guest.json'), 'utf8')) as PreparedGuest;
}
