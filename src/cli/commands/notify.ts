import { Command, Option } from 'commander';
import type { LineChange } from '../../api/client/types.js';
import { banner } from '../banner.js';
import { type ChangeStyle, customChangeFormatter, defaultChangeFormatter } from '../change-format.js';
import { withDaemon } from '../connection.js';
import { UsageError } from '../errors.js';
import type { TimeStyle } from '../event-time.js';
import { lineObject } from '../line-json.js';
import { type LineWatchOptions, watchLines } from '../line-watch.js';
import { groupByChip, locateLines } from '../locate.js';
import {
  addClientOptions,
  addLineOptions,
  CHIPS_HELP,
  type ClientOptions,
  type LineOptions,
  notes,
  PERIODS_HELP,
  periodOption,
} from '../options.js';
import { print, printJson } from '../output.js';
import { parseUnsigned } from '../period.js';
import { monotonicToRealtime } from '../realtime.js';
import { catchEndingSignals, dieOf } from '../signals.js';

/** As in libgpiod's gpionotify. */
const MAX_LINES = 64;

type ChangeKind = LineChange['kind'];

interface NotifyOptions extends ClientOptions, LineOptions {
  readonly banner?: boolean;
  readonly event?: ChangeKind;
  readonly format?: string;
  /** Microseconds. */
  readonly idleTimeout?: number;
  readonly numEvents?: number;
  readonly quiet?: boolean;
  readonly silent?: boolean;
  readonly timeStyle?: TimeStyle;
}

const FORMAT_HELP = `Format specifiers:
  %o  offset of the line          %a  attributes of the line, as info shows them
  %l  name of the line            %C  its consumer, else 'used' or 'unused'
  %c  name of the chip            %S  time in seconds
  %e  1, 2 or 3, as in %E         %U  time as a date, UTC
  %E  requested, released         %L  time as a date, local time
      or reconfigured             %%  %`;

export function command(): Command {
  const notifyCommand = new Command('notify')
    .description('Wait for lines to be requested, released or reconfigured, by anyone, and print that.')
    .argument('[line...]', 'name or offset of a line')
    .option('--banner', 'say so when the lines are watched')
    .addOption(
      new Option('-e, --event <event>', 'requested, released or reconfigured only').argParser(parseKind),
    )
    .option('-F, --format <format>', 'print each event in this format, see below')
    .addOption(periodOption('--idle-timeout <period>', 'exit when no event comes for so long'))
    .option('--localtime', 'print times as dates in local time')
    .option('--utc', 'print times as dates in UTC')
    .addOption(new Option('-n, --num-events <n>', 'exit after that many events').argParser(parseUnsigned))
    .option('-q, --quiet', 'print no events')
    .addOption(new Option('--silent', 'as --quiet'))
    .addHelpText('after', notes(FORMAT_HELP, CHIPS_HELP, PERIODS_HELP));
  // The last of the two counts.
  notifyCommand.on('option:localtime', () => notifyCommand.setOptionValue('timeStyle', 'local'));
  notifyCommand.on('option:utc', () => notifyCommand.setOptionValue('timeStyle', 'utc'));
  addLineOptions(notifyCommand, 'fail where the name of a line is not unique');
  return addClientOptions(notifyCommand.action(notify));
}

function parseKind(text: string): ChangeKind {
  if (text === 'requested' || text === 'released' || text === 'reconfigured') return text;
  throw new UsageError(`invalid event: ${text}`);
}

async function notify(ids: string[], options: NotifyOptions, self: Command): Promise<void> {
  if (ids.length === 0) throw new UsageError('at least one GPIO line must be specified');
  if (ids.length > MAX_LINES) throw new UsageError('too many lines given');
  const signals = catchEndingSignals();
  try {
    await withDaemon(options, async (daemon) => {
      const groups = groupByChip(await locateLines(daemon, ids, options));
      const chips = groups.map(({ client, lines }) => ({
        client,
        offsets: new Set(lines.map(({ offset }) => offset)),
      }));
      await watchLines(chips, {
        kind: options.event,
        changesWanted: options.numEvents ?? 0,
        idleTimeout: options.idleTimeout ?? 0,
        signal: signals.aborted,
        started: async () => {
          if (options.banner) await print(`${banner('Watching', ids)}\n`);
        },
        print: printer(options, self.name()),
      });
    });
  } catch (thrown) {
    if (signals.received === undefined) throw thrown;
  }
  signals.stop();
  if (signals.received !== undefined) dieOf(signals.received);
}

function printer(options: NotifyOptions, program: string): LineWatchOptions['print'] {
  if (options.quiet || options.silent) return async () => undefined;
  if (options.json) return (chip, change) => printJson(changeObject(chip.name, change));
  const style: ChangeStyle = {
    timeStyle: options.timeStyle ?? 'seconds',
    showChip: options.chip !== undefined,
    unquoted: options.unquoted ?? false,
    realtimeNs: monotonicToRealtime,
  };
  const format =
    options.format === undefined
      ? defaultChangeFormatter(style)
      : customChangeFormatter(options.format, style);
  return async (chip, change) => {
    if (change.lost > 0)
      await print(`${program}: ${change.lost} changes lost on ${chip.name}\n`, process.stderr);
    await print(`${format(chip.name, change)}\n`);
  };
}

function changeObject(chip: string, { kind, timestampNs, lost, info }: LineChange): object {
  return { ...lineObject(chip, info), type: 'line_change', event: kind, timestampNs, lost };
}
