import { messageOf } from '../base/errors.js';
import type { HolderReport } from './daemonize.js';
import { ManyErrors } from './errors.js';
import { type HoldJob, hold } from './hold.js';
import { endQuietlyWithReader } from './output.js';

/** The process in the background of `set --daemonize`; daemonize.ts starts it and sends it its job. */

/** Until the lines are set this process has no purpose without the one that waits for them. */
const endWithParent = () => process.exit(1);

process.once('disconnect', endWithParent);
process.once('message', (message) => void run(message as HoldJob));

async function run(job: HoldJob): Promise<void> {
  endQuietlyWithReader(job.program);
  process.title = [job.program, ...job.wanted.map(({ id, value }) => `${id}=${value}`)].join(' ');
  try {
    await hold(job, async (held) => {
      process.off('disconnect', endWithParent);
      // As daemon(3): no directory is kept from being unmounted. Before the parent may end.
      process.chdir('/');
      await report({ kind: 'set', values: held.objectsOf() });
      process.disconnect();
    });
    process.exitCode = 0;
  } catch (thrown) {
    const messages = thrown instanceof ManyErrors ? thrown.messages : [messageOf(thrown)];
    if (process.connected) await report({ kind: 'failed', messages });
    process.exit(1);
  }
}

function report(message: HolderReport): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send?.(message, (error: Error | null) => (error ? reject(error) : resolve()));
  });
}
