import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the clone, from the sources and from what was compiled of them alike. */
export const ROOT = findRoot(dirname(fileURLToPath(import.meta.url)));

/** The executable as it is built and packed. */
export const MAIN = join(ROOT, 'dist/cli/main.js');

function findRoot(directory: string): string {
  return existsSync(join(directory, 'package.json')) ? directory : findRoot(dirname(directory));
}
