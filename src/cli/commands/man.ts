import { Command } from 'commander';
import { notes } from '../options.js';
import { print } from '../output.js';
import { packageVersion } from '../version.js';

export function command(): Command {
  return new Command('man')
    .description('Print the manual page, for man(1).')
    .addHelpText('after', notes(INSTALL_HELP))
    .action(printManual);
}

const INSTALL_HELP = `To read it:         gpiobridge man | man -l -
To have it for all: gpiobridge man > /usr/local/share/man/man1/gpiobridge.1`;

async function printManual(): Promise<void> {
  const { subcommandDefinitions } = await import('../definitions.js');
  const { manualPage } = await import('../manual/manual-page.js');
  await print(manualPage(packageVersion(), await subcommandDefinitions()));
}
