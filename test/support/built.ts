import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { promisify } from 'node:util';
import { MAIN, ROOT } from './root.js';

const run = promisify(execFile);

export { MAIN, ROOT };

/**
 * Brings dist up to date; for suites that run the program or pack it. Costs a fraction of a second when nothing
 * changed. Type errors elsewhere are the type check's to report: what was emitted is tested.
 */
export async function built(): Promise<void> {
  await run(process.execPath, ['scripts/prepare.mjs'], { cwd: ROOT }).catch(() => access(MAIN));
}
