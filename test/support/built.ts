import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The root of the clone. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The executable as it is built and packed. */
export const MAIN = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

/**
 * Brings dist up to date; for suites that run the program or pack it. Costs a fraction of a second when nothing
 * changed. Type errors elsewhere are the type check's to report: what was emitted is tested.
 */
export async function built(): Promise<void> {
  await run(process.execPath, ['scripts/prepare.mjs'], { cwd: ROOT }).catch(() => access(MAIN));
}
