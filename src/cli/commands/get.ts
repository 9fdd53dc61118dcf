import { Command } from 'commander';
import { messageOf } from '../../base/errors.js';
import type { Level } from '../../gpio/chip.js';
import { requestOn, withDaemon } from '../connection.js';
import { UsageError } from '../errors.js';
import { type ChipGroup, groupForRequests, type LocatedLine, locateLines } from '../locate.js';
import {
  addClientOptions,
  addRequestOptions,
  BIAS_HELP,
  CHIPS_HELP,
  type ClientOptions,
  notes,
  PERIODS_HELP,
  periodOption,
  type RequestOptions,
} from '../options.js';
import { pause } from '../pause.js';
import { showValues } from '../show-values.js';

interface GetOptions extends ClientOptions, RequestOptions {
  readonly asIs?: boolean;
  /** Microseconds. */
  readonly holdPeriod?: number;
  readonly numeric?: boolean;
}

export function command(): Command {
  const getCommand = new Command('get')
    .description('Read the values of lines.')
    .argument('[line...]', 'name or offset of a line')
    .option('-a, --as-is', 'leave the direction as it is, do not make the lines inputs')
    .option('--numeric', 'print values as 0 and 1')
    .addOption(periodOption('-p, --hold-period <period>', 'wait between requesting and reading'))
    .addHelpText('after', notes(CHIPS_HELP, PERIODS_HELP, BIAS_HELP))
    .action(get);
  return addClientOptions(addRequestOptions(getCommand, 'gpioget'));
}

async function get(ids: string[], options: GetOptions): Promise<void> {
  if (ids.length === 0) throw new UsageError('at least one GPIO line must be specified');
  await withDaemon(options, async (daemon) => {
    const lines = await locateLines(daemon, ids, options);
    const values = new Map<LocatedLine, Level>();
    for (const group of groupForRequests(lines)) {
      const read = await readGroup(group, options);
      group.lines.forEach((line, index) => {
        values.set(line, read[index]);
      });
    }
    await showValues(lines, values, options);
  });
}

async function readGroup({ client, lines }: ChipGroup, options: GetOptions): Promise<Level[]> {
  const offsets = lines.map(({ offset }) => offset);
  const request = await requestOn(client, options.consumer, offsets, {
    direction: options.asIs ? 'as-is' : 'input',
    edges: 'none',
    activeLow: options.activeLow ?? false,
    eventClock: 'monotonic',
  });
  try {
    await pause(options.holdPeriod ?? 0);
    return await request.getValues();
  } catch (thrown) {
    throw new UsageError(`unable to read GPIO line values: ${messageOf(thrown)}`);
  } finally {
    // The answer is known or the error is on its way: releasing is the daemon's business if it fails here.
    await request.release().catch(() => undefined);
  }
}
