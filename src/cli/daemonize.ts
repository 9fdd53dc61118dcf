import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ManyErrors, UsageError } from './errors.js';
import type { HoldJob } from './hold.js';

/** What the process in the background tells the one that started it, once. */
export type HolderReport =
  | { readonly kind: 'set'; readonly values: readonly object[] }
  | { readonly kind: 'failed'; readonly messages: readonly string[] };

/**
 * Has the lines held by a process in the background, in a session of its own. Resolves, with the values
 * as objects, when they are set; throws what that process could not do. Its standard streams lead
 * nowhere, except that with `--interactive` it goes on talking through ours, as gpioset does.
 */
export async function holdInBackground(job: HoldJob): Promise<readonly object[]> {
  const stdio = job.options.interactive ? 'inherit' : 'ignore';
  const child = spawn(process.execPath, [fileURLToPath(new URL('./holder.js', import.meta.url))], {
    detached: true,
    stdio: [stdio, stdio, stdio, 'ipc'],
  });
  const report = await new Promise<HolderReport>((resolve, reject) => {
    child.once('message', (message) => resolve(message as HolderReport));
    child.once('error', (error) => reject(new UsageError(`unable to daemonize: ${error.message}`)));
    child.once('exit', (code, signal) =>
      reject(new UsageError(`unable to daemonize: the background process ended (${signal ?? code})`)),
    );
    child.send(job);
  });
  child.removeAllListeners();
  if (child.connected) child.disconnect();
  child.unref();
  if (report.kind === 'failed') throw new ManyErrors(report.messages);
  return report.values;
}
