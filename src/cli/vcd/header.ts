import { formatTime } from '../event-time.js';
import type { Watched, WatchedChip } from '../watch/sink.js';
import { commentText, lineNames, scopeNames, signalCode } from './names.js';

/** One signal of the dump. */
export interface Signal {
  readonly chip: string;
  readonly offset: number;
  readonly code: string;
}

/** The signals of a dump, in the order of chips and their lines. */
export function signalsOf(chips: readonly WatchedChip[]): Signal[] {
  return chips
    .flatMap(({ name, lines }) => lines.map(({ offset }) => ({ chip: name, offset })))
    .map((line, index) => ({ ...line, code: signalCode(index) }));
}

/** The dump up to the initial values: everything a viewer needs to open it. IEEE 1364, 18.2. */
export function header(watched: Watched, program: string): string {
  const { chips, startRealtimeNs } = watched;
  const parts = [
    `$date ${formatTime(startRealtimeNs, 'utc')} $end`,
    `$version ${commentText(program)} $end`,
    ...comments(watched).map((text) => `$comment ${commentText(text)} $end`),
    '$timescale 1 ns $end',
  ];
  const scopes = scopeNames(chips);
  let signal = 0;
  for (const [index, { lines }] of chips.entries()) {
    parts.push(`$scope module ${scopes[index]} $end`);
    for (const name of lineNames(lines)) parts.push(`$var wire 1 ${signalCode(signal++)} ${name} $end`);
    parts.push('$upscope $end');
  }
  parts.push('$enddefinitions $end', '#0', '$dumpvars');
  signal = 0;
  for (const { lines } of chips)
    for (const { initial } of lines) parts.push(`${initial}${signalCode(signal++)}`);
  parts.push('$end', '');
  return parts.join('\n');
}

function comments(watched: Watched): string[] {
  const { clock, startNs, startRealtimeNs, daemonVersion } = watched;
  const originNs = clock === 'realtime' ? startRealtimeNs : startNs;
  const name = clock === 'realtime' ? 'CLOCK_REALTIME' : 'CLOCK_MONOTONIC';
  return [
    ...(daemonVersion === undefined ? [] : [`daemon: gpiobridge ${daemonVersion}`]),
    `time 0 is ${name} ${formatTime(originNs, 'seconds')} s`,
    ...watched.chips.flatMap(chipComments),
  ];
}

function chipComments({ name, label, countsLoss, clockErrorNs, lines }: WatchedChip): string[] {
  const error = clockErrorNs === undefined ? '' : `; its clock is known within ${clockErrorNs} ns`;
  const names = lineNames(lines);
  const renamed = lines.flatMap((line, index) =>
    line.name === names[index] ? [] : [`${names[index]} is ${name} ${line.offset} ${quoted(line.name)}`],
  );
  return [
    `chip ${name} [${label}]${error}`,
    ...(countsLoss ? [] : [`chip ${name} does not count lost edges: some may be missing anywhere`]),
    ...renamed,
  ];
}

function quoted(name: string | undefined): string {
  return name === undefined ? '(unnamed)' : `"${name}"`;
}
