import { Command, Option } from 'commander';
import { banner } from '../banner.js';
import { UsageError } from '../errors.js';
import { type HoldJob, type HoldOptions, hold } from '../hold.js';
import { parseLineValue } from '../line-value.js';
import {
  addClientOptions,
  addRequestOptions,
  BIAS_HELP,
  CHIPS_HELP,
  notes,
  PERIODS_HELP,
  periodOption,
} from '../options.js';
import { print, printJson } from '../output.js';
import { parsePeriods } from '../period.js';

const VALUES_HELP = `Values are 1 or 0, active or inactive, on or off, true or false.
The lines are held until the program is killed, and released then: what becomes of them after that
is up to the next user and the coprocessor.`;

export function command(): Command {
  const setCommand = new Command('set')
    .description('Set the values of lines, and hold them.')
    .argument('[line=value...]', 'name or offset of a line, and its value')
    .option('--banner', 'say so when the lines are set')
    .addOption(periodOption('-p, --hold-period <period>', 'hold every value at least so long'))
    .addOption(
      new Option(
        '-t, --toggle <period[,period]...>',
        'toggle the lines after each period in turn; a last period of 0 exits',
      ).argParser(parsePeriods),
    )
    .addOption(
      new Option('-d, --drive <drive>', 'push-pull; others are refused, see below').argParser(checkDrive),
    )
    .option('-i, --interactive', "set the lines, then take commands; 'help' tells which")
    .option('-z, --daemonize', 'set the lines, then hold them in the background')
    .addHelpText('after', notes(VALUES_HELP, CHIPS_HELP, PERIODS_HELP, BIAS_HELP))
    .action(set);
  return addClientOptions(addRequestOptions(setCommand, 'gpioset'));
}

function checkDrive(text: string): string {
  if (text === 'push-pull') return text;
  if (text !== 'open-drain' && text !== 'open-source') throw new UsageError(`invalid drive: ${text}`);
  throw new UsageError(`drive ${text} is not possible: virtio-gpio cannot set the drive of a line`);
}

async function set(args: string[], options: HoldOptions, self: Command): Promise<void> {
  if (options.interactive && options.toggle) throw new UsageError("can't combine interactive with toggle");
  if (args.length === 0) throw new UsageError('at least one GPIO line value must be specified');
  const job: HoldJob = { program: self.name(), wanted: args.map(parseLineValue), options };
  if (options.daemonize) {
    const { holdInBackground } = await import('../daemonize.js');
    await say(job, await holdInBackground(job));
  } else await hold(job, (held) => say(job, held.objectsOf()));
}

/** Says that the lines are set. */
async function say({ wanted, options }: HoldJob, values: readonly object[]): Promise<void> {
  if (options.json) for (const value of values) await printJson(value);
  const ids = wanted.map(({ id }) => id);
  if (options.banner) await print(`${banner('Setting', ids)}\n`);
}
