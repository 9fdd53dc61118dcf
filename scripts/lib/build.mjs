// Makes dist of src and firmware-sim when they changed since it was last made: each file compiled, with its types, for
// those who import this package; and the program in few files of its own (dist/cli), since Node.js takes longer to find and
// load a hundred small modules than to run them.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join, relative, sep } from 'node:path';

const SOURCES = ['src', 'firmware-sim'];
const SETTINGS = [
  'tsconfig.json',
  'tsconfig.build.json',
  'package.json',
  'package-lock.json',
  'scripts/lib/build.mjs',
];
/** What is started as a process, and the folder of what becomes of them. */
const PROGRAMS = ['src/cli/main.ts', 'src/cli/holder.ts'];
/** Packages that the programs load as they are: with native code, in CommonJS, or seldom needed. */
const UNBUNDLED = ['commander', 'koffi', 'prom-client', 'serialport'];
const PROGRAM_FOLDER = join('dist', 'cli');
const STAMP = '.built-from';
/** So long a program that runs may still want the files it was started from. */
const KEPT_MS = 24 * 3_600_000;

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
    if (path.startsWith(join(root, PROGRAM_FOLDER) + sep)) continue;
    const source = join(root, relative(dist, path).replace(/(\.d\.ts|\.js)$/, '.ts'));
    if (source.endsWith('.ts') && !(existsSync(source) && isSource(source))) rmSync(path, { force: true });
  }
}

/**
 * Makes dist/cli. What a command alone needs stays in files of its own, which only that command loads. RxJS comes as its
 * modules for bundlers, of which only what is used is taken.
 * A program may be started, or run, meanwhile: files have names by their contents, and those that are started come last; what an
 * earlier build made is kept for a day, or with `force` removed.
 */
function bundlePrograms(root, { force }) {
  const folder = join(root, PROGRAM_FOLDER);
  // Not before here: a fresh clone has no packages when this file is read.
  const esbuild = createRequire(import.meta.url)('esbuild');
  const { metafile, outputFiles } = esbuild.buildSync({
    absWorkingDir: root,
    entryPoints: PROGRAMS,
    outdir: PROGRAM_FOLDER,
    bundle: true,
    splitting: true,
    external: UNBUNDLED,
    alias: { rxjs: join(root, 'node_modules/rxjs/dist/esm/index.js') },
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    metafile: true,
    write: false,
    logLevel: 'warning',
  });
  mkdirSync(folder, { recursive: true });
  const started = PROGRAMS.map((source) => join(folder, `${basename(source, '.ts')}.js`));
  const isStarted = ({ path }) => started.includes(path);
  for (const file of outputFiles.filter((one) => !isStarted(one))) replaceFile(file.path, file.contents);
  for (const file of outputFiles.filter(isStarted)) replaceFile(file.path, file.contents);
  const licensesFile = join(folder, 'LICENSES.txt');
  replaceFile(licensesFile, licenses(root, Object.keys(metafile.inputs)));
  const made = new Set([licensesFile, ...outputFiles.map(({ path }) => path)]);
  for (const path of filesIn(folder)) {
    const isOld = force || statSync(path).mtimeMs < Date.now() - KEPT_MS;
    if (!made.has(path) && isOld) rmSync(path, { force: true });
  }
}

/** Whoever opens the file finds the old contents or the new ones, whole. */
function replaceFile(path, contents) {
  const written = `${path}.${process.pid}`;
  writeFileSync(written, contents);
  if (basename(path) === 'main.js') chmodSync(written, 0o755);
  renameSync(written, path);
}

/** The terms of the packages of which the files hold a part. */
function licenses(root, inputs) {
  const packages = inputs.map((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]);
  return [...new Set(packages)]
    .filter((name) => name !== undefined)
    .sort()
    .map((name) => {
      const folder = join(root, 'node_modules', name);
      const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
      return `${name}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
    })
    .join('\n----\n\n');
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
  if (status !== 0) return false;
  bundlePrograms(root, { force });
  writeFileSync(stampFile, stamp);
  return true;
}
