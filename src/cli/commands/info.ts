import { Command } from 'commander';
import type { BridgeClient, ChipClient } from '../../api/client/types.js';
import { messageOf } from '../../base/errors.js';
import type { LineInfo } from '../../gpio/chip.js';
import { openNamedChip, withDaemon } from '../connection.js';
import { ManyErrors } from '../errors.js';
import { formatLineInfo } from '../line-attributes.js';
import { lineObject } from '../line-json.js';
import { type ChipLines, isSameLine, matchesOf, notFound, type ResolvedLine } from '../line-resolver.js';
import { chipStateMessage, openChips, resolveOptionsOf, whyNoChips } from '../locate.js';
import {
  addClientOptions,
  addLineOptions,
  CHIPS_HELP,
  type ClientOptions,
  type LineOptions,
  notes,
} from '../options.js';
import { print, printJson } from '../output.js';

type InfoOptions = ClientOptions & LineOptions;

export function command(): Command {
  return addClientOptions(
    addLineOptions(new Command('info'), 'show every line of a name, not only the first'),
  )
    .description(
      'Show names, directions, attributes and consumers of lines; all lines unless some are named.',
    )
    .argument('[line...]', 'name or offset of a line')
    .addHelpText('after', notes(CHIPS_HELP))
    .action(info);
}

/** What a chip has, read once. */
interface ChipContents extends ChipLines {
  readonly lines: readonly LineInfo[];
}

async function info(ids: string[], options: InfoOptions, self: Command): Promise<void> {
  await withDaemon(options, async (daemon) => {
    const problems: string[] = [];
    const chips: ChipContents[] = [];
    const all = ids.length === 0 && options.chip === undefined;
    const clients = all ? await openAll(daemon, problems) : await openChips(daemon, options.chip);
    if (clients.length === 0 && problems.length === 0)
      await print(`${self.name()}: ${await whyNoChips(daemon)}\n`, process.stderr);
    for (const client of clients) {
      const chip = await client.info();
      if (chip.lines === 0) problems.push(chipStateMessage(chip));
      chips.push(await contentsOf(client));
    }
    if (ids.length === 0) for (const chip of chips) await showChip(chip, options);
    else problems.unshift(...(await showSelected(ids, chips, options)));
    if (problems.length > 0) throw new ManyErrors(problems);
  });
}

/** Every chip, as gpioinfo: those that cannot be opened are among the problems. */
async function openAll(daemon: BridgeClient, problems: string[]): Promise<ChipClient[]> {
  const clients: ChipClient[] = [];
  for (const name of await daemon.chips()) {
    try {
      clients.push(await openNamedChip(daemon, name));
    } catch (thrown) {
      problems.push(messageOf(thrown));
    }
  }
  return clients;
}

async function contentsOf(client: ChipClient): Promise<ChipContents> {
  const lines = await client.lines();
  return {
    name: client.name,
    lineCount: lines.length,
    lines,
    offsetsOf: (name) => lines.filter((line) => line.name === name).map(({ offset }) => offset),
  };
}

async function showChip({ name, lines }: ChipContents, options: InfoOptions): Promise<void> {
  if (options.json) return showJson(name, lines);
  if (lines.length === 0) return;
  const text = lines.map(
    (line) =>
      `\tline ${String(line.offset).padStart(3)}:\t${formatLineInfo(line, options.unquoted ?? false)}\n`,
  );
  await print(`${name} - ${lines.length} lines:\n${text.join('')}`);
}

/** Shows the lines that were named, in the order of chips and offsets; returns what was wrong. */
async function showSelected(
  ids: readonly string[],
  chips: readonly ChipContents[],
  options: InfoOptions,
): Promise<string[]> {
  const resolveOptions = resolveOptionsOf(options, chips.length === 1);
  const problems: string[] = [];
  const selected: ResolvedLine[] = [];
  for (const id of ids) {
    const matches = matchesOf(id, chips, resolveOptions);
    if (matches.length === 0) problems.push(notFound(id, chips, resolveOptions));
    // As gpioinfo: all of them are shown, which says it, and the status tells a script.
    if (matches.length > 1) process.exitCode = 1;
    for (const match of matches) {
      const twin = selected.find((line) => isSameLine(line, match));
      if (twin === undefined) selected.push(match);
      else problems.push(`lines '${twin.id}' and '${id}' are the same line`);
    }
  }
  for (const { name, lines } of chips) {
    const shown = lines.filter(({ offset }) =>
      selected.some((at) => at.chip === name && at.offset === offset),
    );
    if (options.json) await showJson(name, shown);
    else
      for (const line of shown)
        await print(`${name} ${line.offset}\t${formatLineInfo(line, options.unquoted ?? false)}\n`);
  }
  return problems;
}

async function showJson(chip: string, lines: readonly LineInfo[]): Promise<void> {
  for (const line of lines) await printJson(lineObject(chip, line));
}
