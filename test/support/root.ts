import { join } from 'node:path';
import { MAIN_FILE, packageFolder } from '../../src/cli/package-folder.js';

/** The root of the clone, from the sources and from what was compiled of them alike. */
export const ROOT = packageFolder();

/** The executable as it is built and packed. */
export const MAIN = join(ROOT, MAIN_FILE);
