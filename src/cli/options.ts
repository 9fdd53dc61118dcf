import { type Command, Option } from 'commander';
import { UsageError } from './errors.js';
import { parsePeriod } from './period.js';

/** Options of every subcommand that talks to a daemon. */
export interface ClientOptions {
  readonly runtimeDir?: string;
  readonly json?: boolean;
}

/** Options that say which lines are meant. */
export interface LineOptions {
  readonly chip?: string;
  readonly byName?: boolean;
  readonly strict?: boolean;
  readonly unquoted?: boolean;
}

/** Options of every subcommand that requests lines. */
export interface RequestOptions extends LineOptions {
  readonly activeLow?: boolean;
  readonly consumer: string;
}

export function addClientOptions(command: Command): Command {
  return command
    .option('--json', 'print one JSON object a line')
    .option('--runtime-dir <dir>', 'runtime directory of the daemon');
}

export function addLineOptions(command: Command, whatStrictDoes: string): Command {
  return command
    .option('--by-name', 'take lines for names even where they look like offsets')
    .option('-c, --chip <chip>', 'look at one chip only: by name, number or path')
    .option('-s, --strict', whatStrictDoes)
    .option('--unquoted', 'print names without quotes');
}

export function addRequestOptions(command: Command, tool: string): Command {
  return addLineOptions(command, 'fail where the name of a line is not unique')
    .option('-l, --active-low', 'take the lines as active low')
    .addOption(
      new Option('-C, --consumer <name>', 'consumer name of the request')
        .default(tool)
        .argParser(parseConsumer),
    )
    .addOption(
      new Option('-b, --bias <bias>', 'pull-up, pull-down or disabled: refused, see below').argParser(
        refuseBias,
      ),
    );
}

/** An option whose value is a period, in microseconds. */
export function periodOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser(parsePeriod);
}

/** As the daemon takes them. */
const MAX_CONSUMER = 255;

function parseConsumer(text: string): string {
  if (text.length > MAX_CONSUMER)
    throw new UsageError(`invalid consumer: longer than ${MAX_CONSUMER} characters`);
  if (/[\p{Cc}\p{Cs}]/u.test(text))
    throw new UsageError('invalid consumer: control characters are not accepted');
  return text;
}

function refuseBias(text: string): never {
  if (!['pull-up', 'pull-down', 'disabled'].includes(text)) throw new UsageError(`invalid bias: ${text}`);
  throw new UsageError(`bias ${text} is not possible: virtio-gpio cannot set the bias of a line`);
}

/** Paragraphs below the options, as `addHelpText('after', ...)` takes them. */
export function notes(...paragraphs: readonly string[]): string {
  return paragraphs.map((paragraph) => `\n${paragraph}`).join('\n');
}

export const PERIODS_HELP = `Periods are milliseconds unless a unit is given: us, ms, s or m (minutes), as in 10us.`;

export const CHIPS_HELP = `A chip is named by its name, by number (3 is the chip gpiochip3) or by the path of its socket.
A line is named by name, or by offset with -c or where the daemon has a single chip.`;

export const BIAS_HELP = `virtio-gpio has no messages for bias and drive; these options are refused.`;
