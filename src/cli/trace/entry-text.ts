import type { SerialFrame } from '../../wire/serial-frame.js';
import type { TraceRecord } from '../../wire/trace/record.js';
import { fateOf, type TraceEntry } from './entry.js';
import { hexBytes, messageWords } from './message-words.js';

/** Columns of the time of day, and of the fate: the longest is `discarded stuffing`. */
const FATE_WIDTH = 15;
const NAME_WIDTH = 8;

/**
 * A record as a line for a person, without its newline: time of day (UTC), seconds since the trace
 * began, coprocessor, direction (`<` from it, `>` to it), fate, frame, and what its packet says.
 */
export function entryText(entry: TraceEntry): string {
  const { record, spoken } = entry;
  const head = `${timeOfDay(entry.realtimeNs)} ${secondsText(entry.sinceStartNs).padStart(12)}  ${entry.coprocessor.padEnd(NAME_WIDTH)}`;
  const fate = fateOf(entry).padEnd(FATE_WIDTH);
  const words = spoken === undefined ? '' : `  ${messageWords(spoken)}`;
  const line = `${head} ${directionOf(record)} ${fate} ${recordWords(entry)}${words}`.trimEnd();
  // Names and reasons are from elsewhere, and this goes to a terminal.
  return line.replace(/\p{Cc}/gu, '?');
}

function directionOf(record: TraceRecord): string {
  if (record.kind === 'damaged') return '<';
  if (record.kind !== 'frame') return '-';
  return record.direction === 'in' ? '<' : '>';
}

function recordWords({ record, carries }: TraceEntry): string {
  switch (record.kind) {
    case 'frame':
      return carries === 'message' ? 'MESSAGE' : frameWords(record.frame);
    case 'damaged':
      return `${record.bytes.length} bytes ${hexBytes(record.bytes)}`;
    case 'state':
      return record.text === '' ? `link ${record.state}` : `link ${record.state}: ${record.text}`;
    case 'lost':
      return `${record.count} records are missing here: the disk was too slow`;
    case 'source':
      return `coprocessor '${record.added.name}' on ${record.added.link}`;
  }
}

function frameWords(frame: SerialFrame): string {
  switch (frame.kind) {
    case 'data':
      return `DATA ns ${frame.ns} nr ${frame.nr}`;
    case 'ack':
      return `${frame.nak ? 'NAK' : 'ACK'} nr ${frame.nr}`;
    case 'plain':
      return 'PLAIN';
    default:
      return `${frame.kind.toUpperCase()} session 0x${frame.session.toString(16).padStart(8, '0')} window ${frame.window} max_payload ${frame.maxPayload}`;
  }
}

/** Nanoseconds as seconds with six digits: what a reader compares. */
export function secondsText(ns: bigint): string {
  const microseconds = (ns < 0n ? -ns : ns) / 1000n;
  const text = `${microseconds / 1_000_000n}.${(microseconds % 1_000_000n).toString().padStart(6, '0')}`;
  return ns < 0n ? `-${text}` : text;
}

/** `12:34:56.123456` of CLOCK_REALTIME, UTC. */
function timeOfDay(realtimeNs: bigint): string {
  const clock = new Date(Number(realtimeNs / 1_000_000n)).toISOString().slice(11, 19);
  return `${clock}.${((realtimeNs / 1000n) % 1_000_000n).toString().padStart(6, '0')}`;
}
