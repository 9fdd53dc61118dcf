import { putU16, putU64, u16, u64 } from '../bytes.js';
import {
  DISCARD_REASONS,
  type DiscardReason,
  decodeFrameContent,
  frameContentLength,
  putFrameContent,
  type SerialFrame,
} from '../serial-frame.js';

/** The records of a trace (docs/trace.md, "Records"): a head of 16 bytes, then a body. */

export const RECORD_HEAD = 16;
/** The first two bytes of every record: by it a reader finds the next one behind damage. */
const MARK = 0x5247;

const TYPE = { RECEIVED: 1, SENT: 2, DAMAGED: 3, STATE: 4, LOST: 5, SOURCE: 6 } as const;

/** What became of a frame; the numbers in the file are their places in this list. */
export const FATES = [
  /** out: for the first time */
  'sent',
  /** out: again */
  'resent',
  /** in: its packet went to the layer above */
  'delivered',
  /** in: an ACK, NAK, RST or RSTACK that was acted on */
  'taken',
  /** in: DATA with another number than expected: a copy, or ahead of one that is missing */
  'out-of-sequence',
  /** in: of an earlier session */
  'stale',
  /** in: there was no room for its packet; it comes again */
  'no-room',
  /** in: there was no session it could belong to */
  'no-session',
  /** in: acknowledges what was not sent */
  'out-of-range',
  /** in: nothing follows from it */
  'ignored',
] as const;
export type Fate = (typeof FATES)[number];

export const LINK_STATES = ['opening', 'up', 'down'] as const;

/**
 * What the records of a coprocessor hold: frames of the serial link, or the messages of a link that has
 * packets of its own (rpmsg), each as the content of a PLAIN frame.
 */
export const SOURCE_KINDS = ['serial', 'message'] as const;
export type SourceKind = (typeof SOURCE_KINDS)[number];

/** A coprocessor, and the number its records have. */
export interface TraceSource {
  readonly id: number;
  readonly name: string;
  /** URL of its link. */
  readonly link: string;
  readonly kind: SourceKind;
}

interface Stamped {
  /** CLOCK_MONOTONIC, ns: of the read that brought it, or of the write. */
  readonly atNs: bigint;
  readonly source: number;
}

export type TraceRecord =
  /** A frame of the serial link. */
  | (Stamped & {
      readonly kind: 'frame';
      readonly direction: 'in' | 'out';
      readonly fate: Fate;
      readonly frame: SerialFrame;
    })
  /** Bytes between two delimiters that were no frame, as they came. */
  | (Stamped & { readonly kind: 'damaged'; readonly reason: DiscardReason; readonly bytes: Uint8Array })
  /** The link of a coprocessor changed its state. */
  | (Stamped & {
      readonly kind: 'state';
      readonly state: (typeof LINK_STATES)[number];
      /** The reason, where there is one. */
      readonly text: string;
    })
  /** So many records could not be kept before this one: the disk was too slow. */
  | (Stamped & { readonly kind: 'lost'; readonly count: number })
  /** A coprocessor that the head of the file does not name. */
  | (Stamped & { readonly kind: 'source'; readonly added: TraceSource });

/** Bytes that {@link putRecord} writes for this record. */
export function recordLength(record: TraceRecord): number {
  return RECORD_HEAD + bodyLength(record);
}

/** Writes a record to `target` from `at` on; returns the position after it. */
export function putRecord(record: TraceRecord, target: Uint8Array, at: number): number {
  const body = at + RECORD_HEAD;
  switch (record.kind) {
    case 'frame':
      putHead(
        record,
        target,
        at,
        record.direction === 'in' ? TYPE.RECEIVED : TYPE.SENT,
        fateCode(record.fate),
      );
      return putFrameContent(record.frame, target, body);
    case 'damaged':
      putHead(record, target, at, TYPE.DAMAGED, DISCARD_REASONS.indexOf(record.reason));
      target.set(record.bytes, body);
      return body + record.bytes.length;
    case 'state':
      putHead(record, target, at, TYPE.STATE, LINK_STATES.indexOf(record.state));
      return putText(record.text, target, body);
    case 'lost':
      putHead(record, target, at, TYPE.LOST, 0);
      putU64(target, body, BigInt(record.count));
      return body + 8;
    case 'source':
      putHead(record, target, at, TYPE.SOURCE, 0);
      return putText(JSON.stringify(record.added), target, body);
  }
}

const FATE_CODES = new Map<Fate, number>(FATES.map((fate, code) => [fate, code]));

function fateCode(fate: Fate): number {
  return FATE_CODES.get(fate)!;
}

function bodyLength(record: TraceRecord): number {
  switch (record.kind) {
    case 'frame':
      return frameContentLength(record.frame);
    case 'damaged':
      return record.bytes.length;
    case 'state':
      return Buffer.byteLength(record.text);
    case 'lost':
      return 8;
    case 'source':
      return Buffer.byteLength(JSON.stringify(record.added));
  }
}

function putHead(record: TraceRecord, target: Uint8Array, at: number, type: number, detail: number): void {
  putU16(target, at, MARK);
  target[at + 2] = type;
  target[at + 3] = detail;
  putU16(target, at + 4, record.source);
  putU16(target, at + 6, bodyLength(record));
  putU64(target, at + 8, record.atNs);
}

function putText(text: string, target: Uint8Array, at: number): number {
  const bytes = Buffer.from(text);
  target.set(bytes, at);
  return at + bytes.length;
}

/** What {@link readRecord} found. */
export type RecordRead =
  | { readonly kind: 'record'; readonly record: TraceRecord; readonly end: number }
  /** A whole record of a type, or with a content, that this version does not know. */
  | { readonly kind: 'unknown'; readonly end: number }
  /** The bytes end inside the record. */
  | { readonly kind: 'cut' }
  /** No record begins here. */
  | { readonly kind: 'damaged' };

/** Reads the record at `at`. Never throws; its bytes are views of `bytes`. */
export function readRecord(bytes: Uint8Array, at: number): RecordRead {
  if (bytes.length - at >= 2 && u16(bytes, at) !== MARK) return { kind: 'damaged' };
  if (bytes.length - at < RECORD_HEAD) return { kind: 'cut' };
  const body = at + RECORD_HEAD;
  const end = body + u16(bytes, at + 6);
  if (end > bytes.length) return { kind: 'cut' };
  const stamped = { atNs: u64(bytes, at + 8), source: u16(bytes, at + 4) };
  const record = interpret(bytes[at + 2]!, bytes[at + 3]!, bytes.subarray(body, end), stamped);
  return record === undefined ? { kind: 'unknown', end } : { kind: 'record', record, end };
}

/** Where the next record may begin, from `at` on: a mark, or the end of the bytes. */
export function findRecord(bytes: Uint8Array, at: number): number {
  for (let i = at; i + 1 < bytes.length; i++) if (u16(bytes, i) === MARK) return i;
  return Math.max(at, bytes.length - 1);
}

function interpret(
  type: number,
  detail: number,
  body: Uint8Array,
  stamped: Stamped,
): TraceRecord | undefined {
  switch (type) {
    case TYPE.RECEIVED:
    case TYPE.SENT: {
      const frame = decodeFrameContent(body);
      const fate = FATES[detail];
      if (typeof frame === 'string' || fate === undefined) return undefined;
      return { kind: 'frame', ...stamped, direction: type === TYPE.RECEIVED ? 'in' : 'out', fate, frame };
    }
    case TYPE.DAMAGED: {
      const reason = DISCARD_REASONS[detail];
      return reason === undefined ? undefined : { kind: 'damaged', ...stamped, reason, bytes: body };
    }
    case TYPE.STATE: {
      const state = LINK_STATES[detail];
      const text = Buffer.from(body).toString();
      return state === undefined ? undefined : { kind: 'state', ...stamped, state, text };
    }
    case TYPE.LOST:
      return body.length < 8 ? undefined : { kind: 'lost', ...stamped, count: Number(u64(body, 0)) };
    case TYPE.SOURCE: {
      const added = parseSource(parseJson(body));
      return added === undefined ? undefined : { kind: 'source', ...stamped, added };
    }
    default:
      return undefined;
  }
}

/** Undefined for what is no JSON. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined;
  }
}

/** A source as a file has it; undefined for anything else. */
export function parseSource(value: unknown): TraceSource | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { id, name, link, kind } = value as Record<string, unknown>;
  if (typeof id !== 'number' || typeof name !== 'string' || typeof link !== 'string') return undefined;
  const known = SOURCE_KINDS.find((one) => one === kind);
  return known === undefined ? undefined : { id, name, link, kind: known };
}
