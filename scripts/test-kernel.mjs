// `npm run test:kernel [-- FILE...]`: prepares the guest where that was not done, and runs the tests of the kernel tier.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { kernelEnvironment } from './lib/kernel-guest.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const args = [vitest, 'run', '--mode', 'kernel', ...process.argv.slice(2)];
const env = kernelEnvironment();
const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit', env });
process.exit(status ?? 1);
