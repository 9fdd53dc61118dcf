import { Command, Option } from 'commander';
import type { LineRequestClient } from '../../api/client/types.js';
import { messageOf } from '../../base/errors.js';
import type { Level, LineConfig } from '../../gpio/chip.js';
import { banner } from '../banner.js';
import { requestOn, withDaemon } from '../connection.js';
import { UsageError } from '../errors.js';
import { chipStateText } from '../event-text.js';
import { type LineValue, parseLineValue } from '../line-value.js';
import { type ChipGroup, groupByChip, type LocatedLine, locateLines } from '../locate.js';
import {
  addClientOptions,
  addRequestOptions,
  BIAS_HELP,
  CHIPS_HELP,
  type ClientOptions,
  laterOption,
  notes,
  PERIODS_HELP,
  periodOption,
  type RequestOptions,
} from '../options.js';
import { print, printJson } from '../output.js';
import { pause } from '../pause.js';
import { parsePeriods } from '../period.js';
import { catchEndingSignals, dieOf, whenAborted } from '../signals.js';
import { toggleSequence } from '../toggle.js';
import { valueObject } from '../value-json.js';

interface SetOptions extends ClientOptions, RequestOptions {
  readonly banner?: boolean;
  /** Microseconds. */
  readonly holdPeriod?: number;
  /** Microseconds. */
  readonly toggle?: readonly number[];
}

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
    .addOption(laterOption('-i, --interactive', '--interactive'))
    .addOption(laterOption('-z, --daemonize', '--daemonize'))
    .addHelpText('after', notes(VALUES_HELP, CHIPS_HELP, PERIODS_HELP, BIAS_HELP))
    .action(set);
  return addClientOptions(addRequestOptions(setCommand, 'gpioset'));
}

function checkDrive(text: string): string {
  if (text === 'push-pull') return text;
  if (text !== 'open-drain' && text !== 'open-source') throw new UsageError(`invalid drive: ${text}`);
  throw new UsageError(`drive ${text} is not possible: virtio-gpio cannot set the drive of a line`);
}

/** Lines of one chip that are held, with the values they have. */
interface HeldGroup {
  readonly request: LineRequestClient;
  readonly lines: readonly LocatedLine[];
  values: Level[];
}

async function set(args: string[], options: SetOptions): Promise<void> {
  if (args.length === 0) throw new UsageError('at least one GPIO line value must be specified');
  const wanted = args.map(parseLineValue);
  const signals = catchEndingSignals();
  try {
    await withDaemon(options, async (daemon) => {
      const ids = wanted.map(({ id }) => id);
      const held = await holdLines(await locateLines(daemon, ids, options), wanted, options);
      if (options.banner) await print(`${banner('Setting', ids)}\n`);
      try {
        const ended = watchEnd(held);
        await Promise.race([ended, afterwards(held, options, signals.aborted)]);
      } finally {
        // Closing the connection releases too; this way the lines are free before we are gone.
        await Promise.allSettled(held.map(({ request }) => request.release()));
      }
    });
  } catch (thrown) {
    if (signals.received === undefined) throw thrown;
  }
  signals.stop();
  if (signals.received !== undefined) dieOf(signals.received);
}

async function holdLines(
  lines: readonly LocatedLine[],
  wanted: readonly LineValue[],
  options: SetOptions,
): Promise<HeldGroup[]> {
  const held: HeldGroup[] = [];
  for (const group of groupByChip(lines)) {
    const values = group.lines.map((line) => wanted[lines.indexOf(line)].value);
    held.push({ request: await requestGroup(group, values, options), lines: group.lines, values });
    await report(held.at(-1) as HeldGroup, options);
  }
  return held;
}

function requestGroup({ client, lines }: ChipGroup, values: readonly Level[], options: SetOptions) {
  const config = values.map(
    (value): LineConfig => ({
      direction: 'output',
      edges: 'none',
      activeLow: options.activeLow ?? false,
      eventClock: 'monotonic',
      value,
    }),
  );
  const offsets = lines.map(({ offset }) => offset);
  return requestOn(client, options.consumer, offsets, config);
}

/** Toggles and holds as the options say; without `-t` it never comes to an end by itself. */
async function afterwards(
  held: readonly HeldGroup[],
  options: SetOptions,
  signal: AbortSignal,
): Promise<void> {
  const holdPeriod = options.holdPeriod ?? 0;
  if (options.toggle === undefined) {
    await whenAborted(signal);
    return;
  }
  const { pauses, repeats } = toggleSequence(options.toggle, holdPeriod);
  do {
    for (const period of pauses) {
      await pause(period, signal);
      signal.throwIfAborted();
      for (const group of held) await toggle(group, options);
    }
    // A sequence without a pause must not keep signals and the daemon's messages from being seen.
    if (repeats && pauses.every((period) => period === 0))
      await new Promise((resolve) => setImmediate(resolve));
  } while (repeats);
  await pause(holdPeriod, signal);
}

async function toggle(group: HeldGroup, options: SetOptions): Promise<void> {
  group.values = group.values.map((value): Level => (value === 1 ? 0 : 1));
  const values = new Map(group.lines.map(({ offset }, index) => [offset, group.values[index]]));
  try {
    await group.request.setValues(values);
  } catch (thrown) {
    throw new UsageError(`unable to set values on '${group.lines[0].chip}': ${messageOf(thrown)}`);
  }
  await report(group, options);
}

async function report(group: HeldGroup, options: SetOptions): Promise<void> {
  if (!options.json) return;
  for (const [index, line] of group.lines.entries()) await printJson(valueObject(line, group.values[index]));
}

/** Rejects when lines are taken away, by a firmware that no longer has them or a daemon that ends. */
async function watchEnd(held: readonly HeldGroup[]): Promise<never> {
  return Promise.race(
    held.map(async ({ request, lines }) => {
      let reason = 'the daemon is gone';
      for await (const batch of request.events()) {
        for (const event of batch) {
          if (event.type === 'ended') reason = event.reason;
          if (event.type === 'chip') await print(`gpiobridge set: ${chipStateText(event)}\n`, process.stderr);
        }
      }
      throw new UsageError(`lines on '${lines[0].chip}' were released: ${reason}`);
    }),
  );
}
