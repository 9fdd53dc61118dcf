// Everything that must hold before a change goes in: style, types, and every test that needs no root.
// All are run even when an early one fails; the tests' summary comes last, and counts the failed ones.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const CHECKS = [
  { name: 'style (biome)', tool: ['@biomejs', 'biome', 'bin', 'biome'], args: ['check', '.'] },
  { name: 'types (tsc)', tool: ['typescript', 'bin', 'tsc'], args: ['-p', 'tsconfig.json'] },
];

function run(tool, args, env = {}) {
  const script = join(root, 'node_modules', ...tool);
  const { status } = spawnSync(process.execPath, [script, ...args], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  return status === 0;
}

const failed = CHECKS.filter(({ tool, args }) => !run(tool, args)).map(({ name }) => name);
const testsPassed = run(['vitest', 'vitest.mjs'], ['run', ...process.argv.slice(2)], {
  GPIOBRIDGE_FAILED_CHECKS: failed.join(', '),
});
process.exit(testsPassed && failed.length === 0 ? 0 : 1);
