// The tests that need root: they make users, and see what these can reach. `npm run test:root`
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

if (process.getuid?.() !== 0) {
  console.error('npm run test:root makes users for its tests, and needs root: sudo npm run test:root');
  process.exit(1);
}
const root = fileURLToPath(new URL('..', import.meta.url));
const { status } = spawnSync(
  `${root}node_modules/.bin/vitest`,
  ['run', '--mode', 'root', ...process.argv.slice(2)],
  {
    cwd: root,
    stdio: 'inherit',
  },
);
process.exit(status ?? 1);
