import { Command } from 'commander';
import type { BridgeClient, ChipClient } from '../../api/client/types.js';
import { messageOf } from '../../base/errors.js';
import { withDaemon } from '../connection.js';
import { ManyErrors, UsageError } from '../errors.js';
import { lineObject } from '../line-json.js';
import { type ChipGroup, groupByChip, locateLines, openChips } from '../locate.js';
import {
  addClientOptions,
  addLineOptions,
  CHIPS_HELP,
  type ClientOptions,
  type LineOptions,
  notes,
} from '../options.js';
import { printJson } from '../output.js';

interface ReleaseOptions extends ClientOptions, LineOptions {
  readonly all?: boolean;
}

const RELEASE_HELP = `Whoever may use a chip may release what is kept on it, whoever requested it. Lines that a running
program holds are not touched: they are free when it ends.`;

export function command(): Command {
  const releaseCommand = new Command('release')
    .description("Release lines that 'gpiobridge request' keeps.")
    .argument('[line...]', 'name or offset of a line')
    .option('--all', 'release every line that is kept, of all chips or of the one named with -c')
    .addHelpText('after', notes(RELEASE_HELP, CHIPS_HELP))
    .action(release);
  return addClientOptions(addLineOptions(releaseCommand, 'fail where the name of a line is not unique'));
}

async function release(ids: string[], options: ReleaseOptions): Promise<void> {
  if (options.all && ids.length > 0) throw new UsageError("can't combine lines with all");
  if (!options.all && ids.length === 0) throw new UsageError('at least one GPIO line must be specified');
  await withDaemon(options, async (daemon) => {
    const problems = options.all
      ? await releaseAll(daemon, options)
      : await releaseLines(daemon, ids, options);
    if (problems.length > 0) throw new ManyErrors(problems);
  });
}

async function releaseAll(daemon: BridgeClient, options: ReleaseOptions): Promise<string[]> {
  const problems: string[] = [];
  for (const chip of await openChips(daemon, options.chip)) {
    problems.push(...(await releaseOn(chip, undefined, options)));
  }
  return problems;
}

async function releaseLines(
  daemon: BridgeClient,
  ids: readonly string[],
  options: ReleaseOptions,
): Promise<string[]> {
  const problems: string[] = [];
  for (const group of groupByChip(await locateLines(daemon, ids, options))) {
    const others = await notKept(group);
    problems.push(...others);
    if (others.length > 0) continue;
    const offsets = group.lines.map(({ offset }) => offset);
    problems.push(...(await releaseOn(group.client, offsets, options)));
  }
  return problems;
}

/** What to say of lines that are free, or that a running program holds. */
async function notKept({ client, lines }: ChipGroup): Promise<string[]> {
  const infos = await Promise.all(lines.map(({ offset }) => client.lineInfo(offset)));
  return lines.flatMap(({ id }, index) => {
    const { persistent, used, consumer, throughChip } = infos[index]!;
    if (used && throughChip !== undefined) {
      return [`line '${id}' belongs to synthetic chip '${throughChip}': release it there`];
    }
    if (persistent) return [];
    if (!used) return [`line '${id}' is not requested by anyone`];
    return consumer === undefined
      ? [`line '${id}' is in use through another chip, and can be released only there`]
      : [`line '${id}' is held by '${consumer}' and free when that ends`];
  });
}

async function releaseOn(
  chip: ChipClient,
  offsets: readonly number[] | undefined,
  { json }: ReleaseOptions,
): Promise<string[]> {
  try {
    const released = await chip.releasePersistent(offsets);
    if (json)
      for (const offset of released) await printJson(lineObject(chip.name, await chip.lineInfo(offset)));
    return [];
  } catch (thrown) {
    return [`unable to release lines on chip '${chip.name}': ${messageOf(thrown)}`];
  }
}
