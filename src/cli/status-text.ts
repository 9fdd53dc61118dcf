import type {
  ChipStatus,
  ClockStatus,
  CoprocessorStatus,
  Counters,
  DaemonStatus,
  ExportStatus,
  ProcessorStatus,
} from '../api/client/types.js';
import { table } from './text-table.js';

/** The whole of `gpiobridge status` for people; ends with a newline. */
export function statusText(status: DaemonStatus): string {
  return [
    daemonText(status),
    ...status.coprocessors.map(coprocessorText),
    ...(status.chips.length > 0 ? [chipsText(status.chips)] : []),
    ...status.exports.map(exportText),
  ].join('\n');
}

function daemonText({
  version,
  pid,
  runtimeDir,
  uptimeMs,
  clients,
  requests,
  persistentLines,
  memory,
  counters,
}: DaemonStatus): string {
  const mebibytes = (memory.rssBytes / 2 ** 20).toFixed(0);
  return section('daemon', [
    ['version', version],
    ['pid', `${pid}, up ${durationText(uptimeMs)}, ${mebibytes} MiB resident`],
    ['directory', runtimeDir],
    ['in use', `${count(clients, 'connection')}, ${count(requests, 'request')}${keptText(persistentLines)}`],
    ...countersRows('counters', counters),
  ]);
}

/** What is known of one coprocessor, in lines of its own. */
export function coprocessorText(coprocessor: CoprocessorStatus): string {
  const { name, link, linkState, reason, delivery, device, processor, openings } = coprocessor;
  const { dialect, roundTripNs } = coprocessor;
  return section(`coprocessor ${name}`, [
    ['link', link],
    [
      'state',
      [linkState, reason, delivery === null ? null : `${delivery} delivery`, `tried ${times(openings)}`]
        .filter((part) => part !== null && part !== '')
        .join(', '),
    ],
    ...(device === null ? [] : [row('device', device)]),
    ...(processor === null ? [] : [row('processor', processorText(processor))]),
    ['dialect', dialect],
    ['firmware', firmwareText(coprocessor)],
    ...(roundTripNs === null ? [] : [row('round trip', spanText(roundTripNs))]),
    ...(coprocessor.clock === null ? [] : [row('clock', clockText(coprocessor.clock))]),
    ['chips', coprocessor.chips.join(' ') || 'none yet'],
    ...countersRows('link counts', coprocessor.linkCounters),
    ...countersRows('bus counts', coprocessor.busCounters),
  ]);
}

function firmwareText({ dialect, firmware, bootId }: CoprocessorStatus): string {
  if (firmware !== null) return `${firmware || '(no name)'}, boot ${hex(bootId)}`;
  return dialect === 'auto' || dialect === 'virtio-msg' ? 'not known yet' : 'not told in this dialect';
}

function processorText({ device, name, state, firmware, recovery }: ProcessorStatus): string {
  const runs = firmware === null ? '' : `, firmware ${firmware}`;
  return `${name} (${device}) ${state}${runs}${recovery === 'disabled' ? ', recovery disabled' : ''}`;
}

function clockText({ offsetNs, driftPpm, errorNs, samples }: ClockStatus): string {
  const drift = driftPpm === null ? 'drift not known yet' : `drift ${driftPpm.toFixed(1)} ppm`;
  const offset = `${(Number(offsetNs) / 1e9).toFixed(6)} s`;
  return `host is ${offset} ahead, within ${spanText(errorNs)}, ${drift}, ${count(samples, 'sample')}`;
}

function chipsText(chips: readonly ChipStatus[]): string {
  const rows = chips.map((chip) => [
    chip.name,
    chip.state,
    String(chip.lines),
    String(chip.clients),
    String(chip.requests),
    String(chip.persistentLines),
    chip.countsLoss ? 'counted' : 'not counted',
    chip.label,
  ]);
  return table([
    ['CHIP', 'STATE', 'LINES', 'CLIENTS', 'REQUESTS', 'PERSISTENT', 'LOSSES', 'LABEL'],
    ...rows,
  ]).concat(
    // Below, as they may be of any length.
    ...chips.map(({ name, state, reason, counters }) => {
      const why = state === 'down' && reason ? `  ${name} is down: ${reason}\n` : '';
      const text = countersText(counters);
      return why + (text === '' ? '' : `  ${name}: ${text}\n`);
    }),
  );
}

function keptText(lines: number): string {
  return lines === 0 ? '' : `, ${count(lines, 'line')} requested persistently`;
}

function exportText(exported: ExportStatus): string {
  const { name, chip, socket, state, reason, pid, features, lines, requestedLines, waitingRequests } =
    exported;
  const words = {
    waiting: 'waiting',
    listening: 'no guest',
    connected: 'no driver in the guest yet',
    running: 'guest runs',
  };
  return section(`export ${name}`, [
    ['chip', lines === 0 ? chip : `${chip}, ${count(lines, 'line')}`],
    ['socket', socket],
    [
      'state',
      [words[state], pid === null ? null : `pid ${pid}`, reason].filter((part) => part !== null).join(', '),
    ],
    ...(features === null ? [] : [row('features', features.join(' '))]),
    ...(requestedLines.length === 0 ? [] : [row('holds', requestedLines.join(' '))]),
    ...(waitingRequests === 0 ? [] : [row('waiting', count(waitingRequests, 'request'))]),
    ...(exported.outdated ? [row('outdated', 'the chip has other lines now: start the guest again')] : []),
    ...exported.brokenQueues.map(({ queue, reason: why }) => row(`queue ${queue}`, `stopped: ${why}`)),
    ...countersRows('counts', exported.counters),
  ]);
}

type Row = readonly [string, string];
const row = (key: string, value: string): Row => [key, value];

function section(title: string, rows: readonly Row[]): string {
  return `${title}\n${rows.map(([key, value]) => `  ${key.padEnd(12)}${value}\n`).join('')}`;
}

/** Counters that count something; all zero says nothing. */
function countersRows(key: string, counters: Counters): readonly Row[] {
  const text = countersText(counters);
  return text === '' ? [] : [[key, text]];
}

function countersText(counters: Counters): string {
  return Object.entries(counters)
    .filter(([, value]) => value !== 0)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function times(number: number): string {
  return number === 1 ? 'once' : `${number} times`;
}

/** A boot_id as people compare it. */
export function hex(bootId: number | null): string {
  return bootId === null ? 'unknown' : `0x${bootId.toString(16).padStart(8, '0')}`;
}

/** A short time: `850 ns`, `12.3 us`, `4.1 ms`, `2.0 s`. */
export function spanText(nanoseconds: number): string {
  if (nanoseconds < 1e3) return `${nanoseconds.toFixed(0)} ns`;
  if (nanoseconds < 1e6) return `${(nanoseconds / 1e3).toFixed(1)} us`;
  if (nanoseconds < 1e9) return `${(nanoseconds / 1e6).toFixed(1)} ms`;
  return `${(nanoseconds / 1e9).toFixed(1)} s`;
}

function durationText(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1_000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`;
}
