import { Command } from 'commander';
import type { ChipInfo } from '../../api/client/types.js';
import { messageOf } from '../../base/errors.js';
import { openNamedChip, withDaemon } from '../connection.js';
import { ManyErrors } from '../errors.js';
import { chipStateMessage, whyNoChips } from '../locate.js';
import { addClientOptions, type ClientOptions } from '../options.js';
import { print, printJson } from '../output.js';

export function command(): Command {
  return addClientOptions(new Command('detect'))
    .description('List GPIO chips with their labels and numbers of lines; all chips unless some are named.')
    .argument('[chip...]', 'name, number or path of a chip')
    .action(detect);
}

async function detect(ids: string[], options: ClientOptions, self: Command): Promise<void> {
  await withDaemon(options, async (daemon) => {
    const problems: string[] = [];
    const chosen = ids.length > 0 ? ids : await daemon.chips();
    if (chosen.length === 0) await print(`${self.name()}: ${await whyNoChips(daemon)}\n`, process.stderr);
    for (const id of chosen) {
      try {
        const chip = await openNamedChip(daemon, id);
        const info = await chip.info();
        await show(info, options.json ?? false);
        if (info.lines === 0) problems.push(chipStateMessage(info));
      } catch (thrown) {
        problems.push(messageOf(thrown));
      }
    }
    if (problems.length > 0) throw new ManyErrors(problems);
  });
}

function show(info: ChipInfo, json: boolean): Promise<void> {
  if (!json) return print(`${info.name} [${info.label}] (${info.lines} lines)\n`);
  const { name, label, lines, countsLoss, state } = info;
  return printJson({
    type: 'chip',
    chip: name,
    label,
    lines,
    countsLoss,
    state: state.kind,
    ...(state.kind === 'down' ? { reason: state.reason } : {}),
  });
}
