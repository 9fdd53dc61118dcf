import { Command } from 'commander';
import { messageOf } from '../../base/errors.js';
import type { LineConfig } from '../../gpio/chip.js';
import { withDaemon } from '../connection.js';
import { UsageError } from '../errors.js';
import { lineObject } from '../line-json.js';
import { type LineWish, parseLineWish } from '../line-value.js';
import { type ChipGroup, groupByChip, locateLines } from '../locate.js';
import {
  addClientOptions,
  addRequestOptions,
  BIAS_HELP,
  CHIPS_HELP,
  type ClientOptions,
  notes,
  type RequestOptions,
} from '../options.js';
import { printJson } from '../output.js';

interface RequestCommandOptions extends ClientOptions, RequestOptions {
  readonly asIs?: boolean;
}

const LINES_HELP = `A line with a value (1 or 0, active or inactive, on or off, true or false) is driven, one without is
an input. The lines stay requested by the daemon when this command ends, through restarts of their
coprocessor, until 'gpiobridge release' or the end of the daemon. A line that is kept for the same
consumer already gets its new value or direction without being released in between.`;

export function command(): Command {
  const requestCommand = new Command('request')
    .description('Request lines in the daemon, which keeps them until they are released.')
    .argument('[line[=value]...]', 'name or offset of a line, and its value if it is to be driven')
    .option('-a, --as-is', 'leave the direction of lines without a value as it is')
    .addHelpText('after', notes(LINES_HELP, CHIPS_HELP, BIAS_HELP))
    .action(request);
  return addClientOptions(addRequestOptions(requestCommand, 'gpiobridge'));
}

async function request(args: string[], options: RequestCommandOptions): Promise<void> {
  if (args.length === 0) throw new UsageError('at least one GPIO line must be specified');
  const wishes = args.map(parseLineWish);
  await withDaemon(options, async (daemon) => {
    const ids = wishes.map(({ id }) => id);
    const lines = await locateLines(daemon, ids, options);
    const wishOf = new Map(lines.map((line, index) => [line, wishes[index]!]));
    for (const group of groupByChip(lines)) {
      await keep(
        group,
        group.lines.map((line) => configOf(wishOf.get(line)!, options)),
        options,
      );
    }
  });
}

async function keep(
  { client, lines }: ChipGroup,
  config: readonly LineConfig[],
  { consumer, json }: RequestCommandOptions,
): Promise<void> {
  const offsets = lines.map(({ offset }) => offset);
  try {
    await client.requestPersistently({ consumer, offsets, config });
  } catch (thrown) {
    throw new UsageError(`unable to request lines on chip '${client.name}': ${messageOf(thrown)}`);
  }
  if (!json) return;
  for (const offset of offsets) await printJson(lineObject(client.name, await client.lineInfo(offset)));
}

function configOf({ value }: LineWish, { activeLow = false, asIs }: RequestCommandOptions): LineConfig {
  const common = { edges: 'none', activeLow, eventClock: 'monotonic' } as const;
  if (value !== undefined) return { direction: 'output', value, ...common };
  return { direction: asIs ? 'as-is' : 'input', ...common };
}
