import { Command, Option } from 'commander';
import type { TraceFaults, TraceFileInfo } from '../../trace/read-trace.js';
import { UsageError } from '../errors.js';
import { notes } from '../options.js';
import { print, printJson, toJson } from '../output.js';
import type { EntryFilter } from '../trace/entry-filter.js';

interface DecodeOptions {
  readonly json?: boolean;
  readonly summary?: boolean;
  readonly coprocessor?: string;
  readonly from?: bigint;
  readonly to?: bigint;
  readonly kind?: readonly string[];
}

export function command(): Command {
  return new Command('decode')
    .description("Print what 'gpiobridge daemon --trace' recorded, a frame or change of state a line.")
    .argument('<file>', 'the newest file; FILE.1, FILE.2 and so on are read before it')
    .option('--summary', 'counts by kind and fate, and rates, instead')
    .option('--coprocessor <name>', 'only of this one')
    .addOption(
      new Option('--from <seconds>', 'from then on, as in the second column').argParser(parseSeconds),
    )
    .addOption(new Option('--to <seconds>', 'up to then').argParser(parseSeconds))
    .option('--kind <a,b,...>', 'only these; see below', (text) => text.split(','))
    .option('--json', 'print one JSON object a line')
    .addHelpText('after', notes(KINDS_HELP, COLUMNS_HELP, EXIT_HELP))
    .action(decode);
}

const KINDS_HELP = `Kinds: data, ack, nak, plain, message, rst, rstack, damaged, state, lost, source; or types of messages,
as hello-response, vq-avail, vq-used, time-request, boot, log; gpio-request, gpio-reply, gpio-interrupt, srtm-setup,
srtm-reply, srtm-notification, dropped.`;

const COLUMNS_HELP = `Columns: time of day (UTC), seconds since the trace began, coprocessor, < from it or > to it, what became
of it, the frame, what its packet says. docs/trace.md explains each.`;

const EXIT_HELP = `Exit status: 0, also for a trace whose last record is cut; 1 on any error.`;

/** Text that is printed at once. */
const PRINT_CHARACTERS = 64 * 1024;

async function decode(path: string, options: DecodeOptions): Promise<void> {
  const { findTraceFiles, newTraceFaults } = await import('../../trace/read-trace.js');
  const filter = await filterOf(options);
  const files = await findTraceFiles(path);
  const faults = newTraceFaults();
  const print_ = options.summary ? printSummary : printEntries;
  const matched = await print_(files, faults, filter, options.json ?? false);
  if (matched === 0 && Object.values(filter).some((wanted) => wanted !== undefined))
    await say('nothing in the trace is what was asked for');
  await warnOf(faults);
}

/** Returns how many there were. */
async function printEntries(
  files: readonly TraceFileInfo[],
  faults: TraceFaults,
  filter: EntryFilter,
  json: boolean,
): Promise<number> {
  const [{ readEntries }, { passes }, { entryText }, { entryJson }] = await Promise.all([
    import('../trace/read-entries.js'),
    import('../trace/entry-filter.js'),
    import('../trace/entry-text.js'),
    import('../trace/entry-json.js'),
  ]);
  let text = '';
  let matched = 0;
  for await (const entries of readEntries(files, faults)) {
    for (const entry of entries) {
      if (!passes(entry, filter)) continue;
      matched++;
      text += json ? `${toJson(entryJson(entry))}\n` : `${entryText(entry)}\n`;
      if (text.length < PRINT_CHARACTERS) continue;
      await print(text);
      text = '';
    }
  }
  await print(text);
  return matched;
}

/** Returns of how many it is. */
async function printSummary(
  files: readonly TraceFileInfo[],
  faults: TraceFaults,
  filter: EntryFilter,
  json: boolean,
): Promise<number> {
  const [{ readEntries }, { passes }, { TraceSummary }] = await Promise.all([
    import('../trace/read-entries.js'),
    import('../trace/entry-filter.js'),
    import('../trace/trace-summary.js'),
  ]);
  const summary = new TraceSummary();
  let matched = 0;
  for await (const entries of readEntries(files, faults)) {
    for (const entry of entries) {
      if (!passes(entry, filter)) continue;
      summary.take(entry);
      matched++;
    }
  }
  if (json) await printJson({ ...summary.json(), files: files.map(({ path }) => path), ...faults });
  else await print(`${files.map(({ path }) => path).join(', ')}\n${summary.text().join('\n')}\n`);
  return matched;
}

async function filterOf({ coprocessor, from, to, kind }: DecodeOptions): Promise<EntryFilter> {
  const { knownKinds } = await import('../trace/known-kinds.js');
  for (const name of kind ?? []) {
    if (knownKinds.has(name)) continue;
    throw new UsageError(`--kind: no kind '${name}': there are ${[...knownKinds].join(', ')}`);
  }
  return { coprocessor, fromNs: from, toNs: to, kinds: kind === undefined ? undefined : new Set(kind) };
}

/** What could not be shown is said on stderr: what was shown stands. */
async function warnOf({ cutFiles, damagedBytes, unknownRecords }: TraceFaults): Promise<void> {
  if (cutFiles > 0) await say('the last record is cut: the daemon or the disk ended while it was written');
  if (damagedBytes > 0) await say(`${damagedBytes} bytes between records are damaged and were passed over`);
  if (unknownRecords > 0)
    await say(`${unknownRecords} records are of a kind that this version does not know`);
}

function say(message: string): Promise<void> {
  return print(`gpiobridge decode: ${message}\n`, process.stderr);
}

function parseSeconds(text: string): bigint {
  const match = /^(\d{1,12})(?:\.(\d{1,9}))?$/.exec(text);
  if (match === null) throw new UsageError(`'${text}' is no time in seconds, as 12.5`);
  return BigInt(match[1]!) * 1_000_000_000n + BigInt((match[2] ?? '').padEnd(9, '0'));
}
