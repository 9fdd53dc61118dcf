// Whether node_modules is what package-lock.json asks for, and how to make it so.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The packages of a lock file by their place in the tree, or undefined when there is no such file. */
function lockedPackages(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

/**
 * What differs between the lock file and what npm recorded in node_modules, in words; undefined when
 * nothing does. A package that is optional (built for another platform, usually) may be absent.
 */
export function dependencyDrift(root) {
  const wanted = lockedPackages(join(root, 'package-lock.json'));
  if (wanted === undefined) return 'package-lock.json cannot be read';
  const installed = lockedPackages(join(root, 'node_modules', '.package-lock.json'));
  if (installed === undefined) return 'nothing is installed';
  for (const [place, entry] of Object.entries(wanted)) {
    if (place === '') continue;
    const found = installed[place];
    if (found === undefined) {
      if (entry.optional === true) continue;
      return `${place} is missing`;
    }
    if (found.version !== entry.version) return `${place} is ${found.version}, not ${entry.version}`;
    if (entry.integrity && found.integrity && found.integrity !== entry.integrity)
      return `${place} has other contents`;
  }
  const extra = Object.keys(installed).find((place) => wanted[place] === undefined);
  return extra === undefined ? undefined : `${extra} is not in package-lock.json`;
}

/** Installs exactly what package-lock.json says. Exits with npm's status when that fails. */
export function installDependencies(root) {
  // Under `npm start` and `npm test` npm says where it is; otherwise the one on PATH serves.
  const npm = process.env.npm_execpath;
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  const [command, argv] = npm?.endsWith('.js') ? [process.execPath, [npm, ...args]] : ['npm', args];
  const { status, error } = spawnSync(command, argv, { cwd: root, stdio: ['ignore', 2, 'inherit'] });
  if (error) console.error(`cannot run npm: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
}
