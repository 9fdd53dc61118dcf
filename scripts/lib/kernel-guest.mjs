// The guest for npm scripts: its folder, or a word about what is missing and exit status 1.
import { CannotPrepare, prepareGuest } from '../../test/kernel/prepare/prepare.mjs';

/** The environment with which the kernel tier finds its guest. */
export function kernelEnvironment() {
  try {
    return { ...process.env, GPIOBRIDGE_KERNEL_GUEST: prepareGuest() };
  } catch (error) {
    if (!(error instanceof CannotPrepare)) throw error;
    console.error(`The kernel tier cannot run here.\n${error.message}`);
    return process.exit(1);
  }
}
