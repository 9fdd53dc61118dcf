// `npm run test:root [-- FILE...]`: the tests that make users of this machine, and see what these can reach.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

if (process.getuid?.() !== 0) {
  console.error('npm run test:root makes users for its tests, and needs root: sudo npm run test:root');
  process.exit(1);
}
// Installs and builds what is not there yet; ends this process where it cannot.
await import('./prepare.mjs');
const root = fileURLToPath(new URL('..', import.meta.url));
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const args = [vitest, 'run', '--mode', 'root', ...process.argv.slice(2)];
const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
process.exit(status ?? 1);
