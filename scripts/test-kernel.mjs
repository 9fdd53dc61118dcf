// `npm run test:kernel [-- --times N] [-- FILE...]`: prepares the guest where that was not done, and runs the tests of the
// kernel tier; N times, until one of the runs fails. Says what each run came to, and how long it took.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { kernelEnvironment } from './lib/kernel-guest.mjs';
import { takeTimes } from './lib/times.mjs';

/** What the whole tier may take on two cores; more is worth a note, and no failure. */
const BUDGET_S = 300;

const root = fileURLToPath(new URL('..', import.meta.url));
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const { times, rest, problem } = takeTimes(process.argv.slice(2));
if (problem !== undefined) {
  console.error(`npm run test:kernel: ${problem}`);
  process.exit(2);
}
const env = kernelEnvironment();
let status = 0;
for (let run = 1; run <= times && status === 0; run++) {
  const start = performance.now();
  const args = [vitest, 'run', '--mode', 'kernel', ...rest];
  const ended = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit', env });
  status = ended.status ?? 1;
  const seconds = (performance.now() - start) / 1_000;
  const which = times === 1 ? 'The kernel tier' : `Run ${run} of ${times} of the kernel tier`;
  const within = seconds > BUDGET_S ? 'over' : 'within';
  const budget = rest.length === 0 ? `, ${within} its budget of ${BUDGET_S} s` : '';
  console.log(`${which} ${status === 0 ? 'passed' : 'failed'} after ${Math.round(seconds)} s${budget}`);
}
process.exit(status);
