import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../support/root.js';

interface LockFile {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean }>>;
}

/**
 * Copies the program, as it is installed from the registry, to where every user may read it: the
 * clone may be in somebody's home directory. Returns what to start.
 */
export function installForAll(directory: string): { readonly main: string; readonly programs: string } {
  mkdirSync(directory, { recursive: true });
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as LockFile;
  const needed = Object.keys(packages).filter((path) => path !== '' && packages[path]!.dev !== true);
  for (const path of ['package.json', 'dist/cli', 'dist/src', 'dist/firmware-sim', ...needed]) {
    // Packages for other processors are in the list, and not there.
    if (existsSync(join(ROOT, path))) cpSync(join(ROOT, path), join(directory, path), { recursive: true });
  }
  const programs = join(directory, 'programs');
  cpSync(join(ROOT, 'test/root/programs'), programs, { recursive: true });
  openToAll(directory);
  return { main: join(directory, 'dist/cli/main.js'), programs };
}

function openToAll(directory: string): void {
  // What git and npm left is readable where the umask allowed it.
  chmodSync(directory, 0o755);
}
