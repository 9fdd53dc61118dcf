// Compiles src and firmware-sim into dist when they changed since it was last made.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';

const SOURCES = ['src', 'firmware-sim'];
const SETTINGS = ['tsconfig.json', 'tsconfig.build.json', 'package.json', 'package-lock.json'];
const STAMP = '.built-from';

function* filesIn(folder) {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesIn(path);
    else yield path;
  }
}

const isSource = (path) => path.endsWith('.ts') && !path.endsWith('.test.ts');

/** A fingerprint of everything that dist is made of: names, sizes and times of change. */
function fingerprint(root) {
  const hash = createHash('sha256');
  const sources = SOURCES.flatMap((folder) => [...filesIn(join(root, folder))].filter(isSource));
  const settings = SETTINGS.map((name) => join(root, name)).filter((path) => existsSync(path));
  for (const path of [...sources, ...settings].sort()) {
    const { size, mtimeMs } = statSync(path);
    hash.update(`${relative(root, path)} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

/** Removes what dist still holds of sources that are gone, so that it is never packed. */
function removeOrphans(root) {
  const dist = join(root, 'dist');
  for (const path of filesIn(dist)) {
    const source = join(root, relative(dist, path).replace(/(\.d\.ts|\.js)$/, '.ts'));
    if (source.endsWith('.ts') && !(existsSync(source) && isSource(source))) rmSync(path, { force: true });
  }
}

/** Brings dist up to date. Returns false when the compiler found errors. */
export function build(root, { force = false } = {}) {
  const stampFile = join(root, 'dist', STAMP);
  const stamp = fingerprint(root);
  if (!force && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return true;
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], {
    cwd: root,
    stdio: ['ignore', 2, 'inherit'],
  });
  mkdirSync(join(root, 'dist'), { recursive: true });
  removeOrphans(root);
  const main = join(root, 'dist', 'src', 'cli', 'main.js');
  if (existsSync(main)) chmodSync(main, 0o755);
  if (status !== 0) return false;
  writeFileSync(stampFile, stamp);
  return true;
}
