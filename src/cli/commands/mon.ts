import { Command, Option } from 'commander';
import type { LineRequestClient, RequestEvent } from '../../api/client/types.js';
import { messageOf } from '../../base/errors.js';
import type { EdgeSelection, EventClock } from '../../events/edge-event.js';
import type { Level, LineConfig } from '../../gpio/chip.js';
import { banner } from '../banner.js';
import { requestOn, withDaemon } from '../connection.js';
import { UsageError } from '../errors.js';
import { customFormatter, defaultFormatter, formatShowsLoss } from '../event-format.js';
import { renderJson } from '../event-json.js';
import { type NameOf, renderText, type TextStyle } from '../event-text.js';
import type { TimeStyle } from '../event-time.js';
import { type ChipGroup, groupByChip, type LocatedLine, locateLines } from '../locate.js';
import { type MonitorOptions, monitor } from '../monitor.js';
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
import { print } from '../output.js';
import { parsePeriod, parseUnsigned } from '../period.js';
import { showValues } from '../show-values.js';
import { catchEndingSignals, dieOf } from '../signals.js';
import { isToolName } from '../tool-name.js';
import { addWatchOptions, checkWatchOptions, type WatchOptions } from '../watch/options.js';
import { OutputError } from '../watch/output-error.js';
import { monitorInto, openWatch } from '../watch/watch.js';

/** As in libgpiod's gpiomon; the uAPI takes no more in one request. */
const MAX_LINES = 64;

interface MonOptions extends ClientOptions, RequestOptions, WatchOptions {
  readonly banner?: boolean;
  /** Microseconds. */
  readonly debouncePeriod?: number;
  readonly edges: EdgeSelection;
  readonly eventClock?: EventClock;
  readonly timeStyle?: TimeStyle;
  readonly format?: string;
  /** Microseconds. */
  readonly idleTimeout?: number;
  readonly initialState?: boolean;
  readonly numEvents?: number;
  readonly numeric?: boolean;
  readonly quiet?: boolean;
  readonly silent?: boolean;
}

/** As in the uAPI: 32 bits of microseconds. */
const MAX_DEBOUNCE_US = 0xffff_ffff;

const FORMAT_HELP = `Format specifiers:
  %o  offset of the line          %S  time in seconds
  %l  name of the line            %U  time as a date, UTC
  %c  name of the chip            %L  time as a date, local time
  %e  1 for rising, 2 for falling %x  edges lost just before this one, ? where unknown
  %E  rising or falling           %%  %

Lost edges, gaps and chips that go down or come back are told on stderr; with --json, in the stream.`;

export function command(): Command {
  const monCommand = new Command('mon')
    .description('Wait for edges on lines and print them.')
    .argument('[line...]', 'name or offset of a line')
    .option('--banner', 'say so when the lines are watched')
    .addOption(
      new Option('-e, --edges <edges>', 'rising, falling or both').argParser(parseEdges).default('both'),
    )
    .addOption(
      new Option('-E, --event-clock <clock>', 'monotonic (default) or realtime').argParser(parseEventClock),
    )
    .option('-F, --format <format>', 'print each edge in this format, see below')
    .addOption(periodOption('--idle-timeout <period>', 'exit when no edge comes for so long'))
    .option('-I, --initial-state', 'print the values of the lines first')
    .option('--localtime', 'print times as dates in local time')
    .option('--utc', 'print times as dates in UTC (default for realtime)')
    .addOption(new Option('-n, --num-events <n>', 'exit after that many edges').argParser(parseUnsigned))
    .option('-N, --numeric', 'print values as 0 and 1')
    .option('-q, --quiet', 'print no events')
    .addOption(new Option('--silent', 'as --quiet'))
    .addOption(
      new Option(
        '-p, --debounce-period <period>',
        'report an edge once the line was stable for so long',
      ).argParser(parseDebouncePeriod),
    )
    .addHelpText('after', notes(FORMAT_HELP, CHIPS_HELP, PERIODS_HELP, BIAS_HELP));
  // The last of the two counts.
  monCommand.on('option:localtime', () => monCommand.setOptionValue('timeStyle', 'local'));
  monCommand.on('option:utc', () => monCommand.setOptionValue('timeStyle', 'utc'));
  return addClientOptions(addWatchOptions(addRequestOptions(monCommand.action(mon), 'gpiomon')));
}

function parseEdges(text: string): EdgeSelection {
  if (text === 'rising' || text === 'falling' || text === 'both') return text;
  throw new UsageError(`invalid edges: ${text}`);
}

function parseDebouncePeriod(text: string): number {
  const period = parsePeriod(text);
  if (period > MAX_DEBOUNCE_US)
    throw new UsageError(`maximum debounce period is ${MAX_DEBOUNCE_US}us, got ${period}us`);
  return period;
}

function parseEventClock(text: string): EventClock {
  if (text === 'monotonic' || text === 'realtime') return text;
  if (text === 'hte')
    throw new UsageError('event clock hte is not possible: a remote line has no hardware timestamp engine');
  throw new UsageError(`invalid event clock: ${text}`);
}

/** The clock to ask for and how to print it: dates mean realtime, and realtime means dates. */
export function clockAndStyle(options: Pick<MonOptions, 'eventClock' | 'timeStyle'>): {
  eventClock: EventClock;
  timeStyle: TimeStyle;
} {
  const eventClock = options.eventClock ?? (options.timeStyle === undefined ? 'monotonic' : 'realtime');
  return { eventClock, timeStyle: options.timeStyle ?? (eventClock === 'realtime' ? 'utc' : 'seconds') };
}

async function mon(ids: string[], options: MonOptions, self: Command): Promise<void> {
  if (ids.length === 0) throw new UsageError('at least one GPIO line must be specified');
  if (ids.length > MAX_LINES) throw new UsageError('too many lines given');
  checkWatchOptions(options);
  const signals = catchEndingSignals();
  try {
    await withDaemon(options, async (daemon) => {
      const lines = await locateLines(daemon, ids, options);
      const groups = groupByChip(lines);
      const watch = await openWatch(options);
      const requests = await requestAll(groups, options);
      if (options.initialState) await showValues(lines, await readValues(groups, requests), options);
      if (options.banner) await print(`${banner('Monitoring', ids)}\n`);
      const monitoring: MonitorOptions = {
        edgesWanted: options.numEvents ?? 0,
        idleTimeout: options.idleTimeout ?? 0,
        signal: signals.aborted,
        print: watch?.takesOutput ? async () => undefined : await printer(groups, options, self.name()),
      };
      if (watch === undefined) await monitor(requests, monitoring);
      else {
        const { eventClock: clock } = clockAndStyle(options);
        await monitorInto(watch, { daemon, groups, requests, clock }, monitoring);
      }
    });
  } catch (thrown) {
    if (signals.received === undefined || thrown instanceof OutputError) throw thrown;
  }
  signals.stop();
  if (signals.received !== undefined) dieOf(signals.received);
}

async function requestAll(groups: readonly ChipGroup[], options: MonOptions): Promise<LineRequestClient[]> {
  const config: LineConfig = {
    direction: 'input',
    edges: options.edges,
    activeLow: options.activeLow ?? false,
    eventClock: clockAndStyle(options).eventClock,
    debouncePeriodUs: options.debouncePeriod ?? 0,
  };
  const requests: LineRequestClient[] = [];
  for (const { client, lines } of groups) {
    const offsets = lines.map(({ offset }) => offset);
    requests.push(await requestOn(client, options.consumer, offsets, config));
  }
  return requests;
}

async function readValues(
  groups: readonly ChipGroup[],
  requests: readonly LineRequestClient[],
): Promise<ReadonlyMap<LocatedLine, Level>> {
  const read = new Map<LocatedLine, Level>();
  for (const [index, { lines }] of groups.entries()) {
    const values = await requests[index].getValues().catch((thrown: unknown) => {
      throw new UsageError(`unable to read GPIO line values: ${messageOf(thrown)}`);
    });
    lines.forEach((line, at) => {
      read.set(line, values[at]);
    });
  }
  return read;
}

type PrintEvents = (events: readonly RequestEvent[]) => Promise<void>;

async function printer(
  groups: readonly ChipGroup[],
  options: MonOptions,
  program: string,
): Promise<PrintEvents> {
  if (options.quiet || options.silent) return async () => undefined;
  const nameOf = namesOf(groups);
  if (options.json) return (events) => print(renderJson(events, nameOf));
  const style = await textStyle(groups, nameOf, options, program);
  return async (events) => {
    const { out, err } = renderText(events, style);
    await print(out);
    await print(err, process.stderr);
  };
}

function namesOf(groups: readonly ChipGroup[]): NameOf {
  const chips = new Map(
    groups.map(({ client, lines }) => [
      client.name,
      new Map(lines.map(({ offset, name }) => [offset, name])),
    ]),
  );
  return (chip, offset) => chips.get(chip)?.get(offset);
}

async function textStyle(
  groups: readonly ChipGroup[],
  nameOf: NameOf,
  options: MonOptions,
  program: string,
): Promise<TextStyle> {
  const infos = await Promise.all(groups.map(({ client }) => client.info()));
  const { timeStyle } = clockAndStyle(options);
  const knowsLoss = !isToolName(program);
  return {
    program,
    nameOf,
    format:
      options.format === undefined
        ? defaultFormatter({
            timeStyle,
            showChip: options.chip !== undefined,
            unquoted: options.unquoted ?? false,
          })
        : customFormatter(options.format, knowsLoss),
    formatShowsLoss: knowsLoss && options.format !== undefined && formatShowsLoss(options.format),
    uncountedChips: new Set(infos.filter(({ countsLoss }) => !countsLoss).map(({ name }) => name)),
  };
}
