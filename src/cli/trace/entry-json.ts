import type { Spoken, SpokenBuffer } from '../../trace/conversation.js';
import type { SerialFrame } from '../../wire/serial-frame.js';
import { dialectWords } from './dialect-words.js';
import { fateOf, kindOf, type TraceEntry } from './entry.js';
import { hexBytes, isDialectMessage, nameOf, requestWords } from './message-words.js';

/** A record as `decode --json` prints it (docs/trace.md, "JSON"): bytes in hex, times in ns. */
export function entryJson(entry: TraceEntry): Record<string, unknown> {
  const { record, spoken, coprocessor, sinceStartNs, realtimeNs } = entry;
  const common = { type: kindOf(entry), coprocessor, timeNs: record.atNs, sinceStartNs, realtimeNs };
  switch (record.kind) {
    case 'frame':
      return {
        ...common,
        direction: record.direction,
        fate: fateOf(entry),
        ...frameJson(record.frame),
        ...(spoken === undefined ? {} : { message: messageJson(spoken) }),
      };
    case 'damaged':
      return {
        ...common,
        direction: 'in',
        fate: 'discarded',
        reason: record.reason,
        bytes: hexBytes(record.bytes),
      };
    case 'state':
      return { ...common, state: record.state, ...(record.text === '' ? {} : { reason: record.text }) };
    case 'lost':
      return { ...common, count: record.count };
    case 'source':
      return { ...common, link: record.added.link, linkKind: record.added.kind };
  }
}

function frameJson(frame: SerialFrame): Record<string, unknown> {
  switch (frame.kind) {
    case 'data':
      return { ns: frame.ns, nr: frame.nr, packet: hexBytes(frame.payload) };
    case 'plain':
      return { packet: hexBytes(frame.payload) };
    case 'ack':
      return { nr: frame.nr };
    default:
      return { session: frame.session, window: frame.window, maxPayload: frame.maxPayload };
  }
}

function messageJson({ message, buffers }: Spoken): Record<string, unknown> {
  const name = nameOf(message);
  if (message.type === 'vq-avail' || message.type === 'vq-used') {
    const { type, devNum, vq } = message;
    return { type, name, devNum, vq, buffers: buffers.map(bufferJson) };
  }
  if (isDialectMessage(message)) return { name, ...(plain(message) as object), words: dialectWords(message) };
  if (message.type === 'dropped') return { type: message.type, name, reason: message.reason };
  return { name, ...(plain(message) as object) };
}

function bufferJson(buffer: SpokenBuffer): Record<string, unknown> {
  switch (buffer.kind) {
    case 'request':
      return { kind: buffer.kind, id: buffer.id, ...buffer.request, words: requestWords(buffer.request) };
    case 'response':
      return {
        kind: buffer.kind,
        id: buffer.id,
        request: buffer.request ?? null,
        bytes: hexBytes(buffer.bytes),
      };
    case 'event-buffer':
      return { kind: buffer.kind, id: buffer.id, line: buffer.line ?? null };
    case 'event': {
      const { kind, id, line = null, status, stamp } = buffer;
      if (stamp === undefined) return { kind, id, line, status };
      return { kind, id, line, status, level: stamp.level, seq: stamp.seq, deviceNs: stamp.timeNs };
    }
  }
}

/** The same with every run of bytes in hex. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return hexBytes(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}
