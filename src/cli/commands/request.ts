import { Command } from 'commander';
import type { ChipClient } from '../../api/client/types.js';
import { messageOf } from '../../base/errors.js';
import type { LineConfig } from '../../gpio/chip.js';
import { withDaemon } from '../connection.js';
import { ManyErrors, UsageError } from '../errors.js';
import { lineObject } from '../line-json.js';
import { type LineWish, parseLineWish } from '../line-value.js';
import { type ChipGroup, groupForRequests, type LocatedLine, locateLines } from '../locate.js';
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
consumer already gets its new value or direction without being released in between. When one line is
refused, those that were requested before it are released again.`;

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
    const groups = groupForRequests(lines);
    await keepAll(groups, (line) => configOf(wishOf.get(line)!, options), options);
    if (!options.json) return;
    for (const { client, lines } of groups) {
      for (const { offset } of lines) await printJson(lineObject(client.name, await client.lineInfo(offset)));
    }
  });
}

/**
 * Requests the lines chip by chip, all or none: where one chip refuses, those of the chips before it
 * are released again, as far as this call took them.
 */
async function keepAll(
  groups: readonly ChipGroup[],
  configOfLine: (line: LocatedLine) => LineConfig,
  { consumer }: RequestCommandOptions,
): Promise<void> {
  const done: TakenLines[] = [];
  for (const { client, lines } of groups) {
    const offsets = lines.map(({ offset }) => offset);
    try {
      const before = await Promise.all(offsets.map((offset) => client.lineInfo(offset)));
      await client.requestPersistently({ consumer, offsets, config: lines.map(configOfLine) });
      const [changed, taken] = [true, false].map((kept) =>
        lines.filter((_, index) => before[index]!.persistent === kept),
      ) as [LocatedLine[], LocatedLine[]];
      done.push({ client, taken, changed });
    } catch (thrown) {
      const problem = `unable to request lines on chip '${client.name}': ${messageOf(thrown)}`;
      throw new ManyErrors([problem, ...(await undo(done))]);
    }
  }
}

/** Lines of one chip that a call requested, and those that it only changed: they were kept already. */
interface TakenLines {
  readonly client: ChipClient;
  readonly taken: readonly LocatedLine[];
  readonly changed: readonly LocatedLine[];
}

/** Releases what was taken; returns what to say of it. */
async function undo(done: readonly TakenLines[]): Promise<string[]> {
  const released: string[] = [];
  const problems: string[] = [];
  for (const { client, taken } of done) {
    if (taken.length === 0) continue;
    try {
      await client.releasePersistent(taken.map(({ offset }) => offset));
      released.push(...taken.map(({ id }) => `'${id}'`));
    } catch (thrown) {
      problems.push(`unable to release lines on chip '${client.name}' again: ${messageOf(thrown)}`);
    }
  }
  const changed = done.flatMap((each) => each.changed.map(({ id }) => `'${id}'`));
  return [
    ...problems,
    ...(released.length === 0 ? [] : [`released again: ${released.join(', ')}`]),
    ...(changed.length === 0
      ? []
      : [`kept before already, and left as now asked for: ${changed.join(', ')}`]),
  ];
}

function configOf({ value }: LineWish, { activeLow = false, asIs }: RequestCommandOptions): LineConfig {
  const common = { edges: 'none', activeLow, eventClock: 'monotonic' } as const;
  if (value !== undefined) return { direction: 'output', value, ...common };
  return { direction: asIs ? 'as-is' : 'input', ...common };
}
