import type { DeviceFound, FirmwareFound, LinkFound, ProbeReport } from '../../daemon/probe/report.js';
import { hex, spanText } from '../status-text.js';
import { adviceFor, isHeldLow } from './advice.js';
import { bytesRows } from './bytes-rows.js';

/** What the probe says: what it found on the first line, what that rests on, and what to do. */
export function reportText(report: ProbeReport): string {
  const { url, baud } = report;
  const where = baud === null || !isOpened(report) ? url : `${url} at ${baud} baud`;
  const rows = [...detailRows(report), ...adviceFor(report).map((text): Row => ['do', text])];
  return `${where}: ${finding(report)}\n${rows.map(([key, value]) => `  ${key.padEnd(12)}${value}\n`).join('')}`;
}

/** A port that was not opened has had no rate. */
function isOpened({ verdict }: ProbeReport): boolean {
  return !['taken', 'not-permitted', 'missing', 'not-a-port', 'unavailable'].includes(verdict);
}

type Row = readonly [string, string];

function finding(report: ProbeReport): string {
  const { verdict, received, dialect } = report;
  const reason = report.reason ?? '';
  switch (verdict) {
    case 'answered':
      return report.firmware === null
        ? `firmware answered in dialect ${dialect}`
        : `firmware answered: ${report.firmware.ident || '(no name)'}`;
    case 'session':
      return 'firmware that speaks the serial link; HELLO was not said';
    case 'no-hello':
      return reason === ''
        ? 'the serial link works, but HELLO stays unanswered'
        : `HELLO was answered, and then: ${reason}`;
    case 'other-dialect':
      return `this looks like dialect ${dialect}, without the frames of the serial link`;
    case 'console':
      return `${bytesCame(received.bytes)} and no valid frame: text, as of a console`;
    case 'wrong-speed':
      return `${bytesCame(received.bytes)} and no valid frame: ${noiseWords(report)}`;
    case 'echo':
      return 'what is sent comes back: TX is connected to RX, or a terminal echoes';
    case 'silent':
      return 'nothing came at all';
    case 'unplugged':
      return `the port went away during the probe: ${reason}`;
    case 'failed':
      return `the port failed: ${reason}`;
    case 'taken':
    case 'not-permitted':
    case 'missing':
    case 'not-a-port':
    case 'unavailable':
      return reason;
  }
}

function noiseWords({ baud, received }: ProbeReport): string {
  if (baud === null) return 'another protocol';
  return isHeldLow(received.head)
    ? 'zeros only, as of a line that is held low'
    : 'most likely another baud rate';
}

function bytesCame(count: number): string {
  return count === 1 ? '1 byte came' : `${count} bytes came`;
}

function detailRows({ link, firmware, received }: ProbeReport): readonly Row[] {
  const rows: Row[] = [];
  if (link !== null) rows.push(['link', linkWords(link)]);
  if (firmware !== null) rows.push(...firmwareRows(firmware));
  if (received.bytes > 0 && received.frames === 0) rows.push(...bytesRows(received.head));
  return rows;
}

function linkWords({ delivery, window, maxPayload }: LinkFound): string {
  return delivery === 'plain'
    ? 'PLAIN: damage is detected, not repaired'
    : `a session: window ${window}, max_payload ${maxPayload} bytes`;
}

function firmwareRows(firmware: FirmwareFound): readonly Row[] {
  const { bootId, busFeatures, maxMsgSize, effect, roundTripNs, clockNs, clockErrorNs, devices } = firmware;
  return [
    [
      'dialect',
      `virtio-msg, messages of up to ${maxMsgSize} bytes, ${busFeatures.join(' ') || 'no features'}`,
    ],
    ['boot', `${hex(bootId)}, ${EFFECTS[effect]}`],
    ...(roundTripNs === null ? [] : [['round trip', spanText(roundTripNs)] as Row]),
    [
      'clock',
      clockNs === null
        ? 'none'
        : `${(Number(clockNs) / 1e9).toFixed(6)} s since it started, within ${spanText(clockErrorNs!)}`,
    ],
    ...devices.map((device): Row => [`device ${device.number}`, deviceWords(device)]),
    ...(devices.length === 0 ? [['devices', 'none'] as Row] : []),
  ];
}

function deviceWords({ deviceId, lines, namedLines, features }: DeviceFound): string {
  if (deviceId !== GPIO) return `virtio device ${deviceId}, not GPIO: not used`;
  if (lines === null) return 'GPIO, with a configuration that is too short';
  const named = namedLines === null ? 'names not read' : `${namedLines} named`;
  return `GPIO, ${lines} ${lines === 1 ? 'line' : 'lines'}, ${named}; ${features.join(' ') || 'no features'}`;
}

const EFFECTS: Readonly<Record<FirmwareFound['effect'], string>> = {
  undisturbed: 'lines in use, which go on undisturbed',
  'not-in-use': 'no lines in use',
  reset: 'any lines in use were reset by HELLO',
};

/** Virtio's device ID. */
const GPIO = 41;
