import { Command } from 'commander';
import { withDaemon } from '../connection.js';
import { addClientOptions, type ClientOptions } from '../options.js';
import { print, printJson } from '../output.js';
import { statusText } from '../status-text.js';

export function command(): Command {
  return addClientOptions(new Command('status'))
    .description(
      'Show links, firmware, clocks, chips and counters of the daemon. Counters that are 0 are left out.',
    )
    .action(status);
}

async function status(options: ClientOptions): Promise<void> {
  await withDaemon(options, async (daemon) => {
    const report = await daemon.status();
    await (options.json ? printJson({ type: 'status', ...report }) : print(statusText(report)));
  });
}
