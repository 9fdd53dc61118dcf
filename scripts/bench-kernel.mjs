// `npm run bench:kernel`: prepares the guest where that was not done, and runs the benchmark in it.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { kernelEnvironment } from './lib/kernel-guest.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const env = kernelEnvironment();
for (const args of [
  [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.bench.json'],
  [join(root, 'dist', 'test', 'bench', 'kernel', 'main.js')],
]) {
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit', env });
  if (status !== 0) process.exit(status ?? 1);
}
