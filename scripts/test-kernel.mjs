// `npm run test:kernel`: prepares the guest where that was not done, and runs the tests of the kernel tier.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CannotPrepare, prepareGuest } from '../test/kernel/prepare/prepare.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

function guest() {
  try {
    return prepareGuest();
  } catch (error) {
    if (!(error instanceof CannotPrepare)) throw error;
    console.error(`The kernel tier cannot run here.\n${error.message}`);
    return process.exit(1);
  }
}

const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const { status } = spawnSync(
  process.execPath,
  [vitest, 'run', '--mode', 'kernel', ...process.argv.slice(2)],
  { cwd: root, stdio: 'inherit', env: { ...process.env, GPIOBRIDGE_KERNEL_GUEST: guest() } },
);
process.exit(status ?? 1);
