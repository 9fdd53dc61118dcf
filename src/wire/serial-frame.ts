import { crc32 } from 'node:zlib';
import { putU16, putU32, u16, u32 } from './bytes.js';
import { cobsDecode, cobsEncode, maxStuffedLength } from './cobs.js';

/** Frames of the serial link (docs/protocol.md, "Serial link"): `COBS(ctl | payload | crc) 0x00`. */

/** The largest packet any side takes before a session has agreed on less. */
export const MAX_PAYLOAD = 1024;
/** The smallest `max_payload` a RESET frame may offer. */
export const MIN_MAX_PAYLOAD = 64;
/** Control byte and checksum. */
export const FRAME_OVERHEAD = 5;
export const SERIAL_VERSION = 1;
export const MAX_WINDOW = 7;

const KIND_DATA = 0;
const KIND_ACK = 1;
const KIND_PLAIN = 2;
const RESET_LENGTH = 8;

export interface DataFrame {
  readonly kind: 'data';
  /** N(S), 0..7. */
  readonly ns: number;
  /** N(R), 0..7: the next number expected; acknowledges all before it. */
  readonly nr: number;
  readonly payload: Uint8Array;
}

export interface AckFrame {
  readonly kind: 'ack';
  readonly nr: number;
  readonly nak: boolean;
}

export interface PlainFrame {
  readonly kind: 'plain';
  readonly payload: Uint8Array;
}

/** RST (driver: open a session; device: I have none) and RSTACK. */
export interface ResetFrame {
  readonly kind: 'rst' | 'rstack';
  /** Frames this side can take back to back, 1..7. */
  readonly window: number;
  /** Largest packet this side takes, 64 or more. */
  readonly maxPayload: number;
  /** Random, non-zero when a driver opens. */
  readonly session: number;
}

export type SerialFrame = DataFrame | AckFrame | PlainFrame | ResetFrame;

/** Why bytes between two delimiters were thrown away; one counter for each. */
export const DISCARD_REASONS = ['short', 'long', 'stuffing', 'crc', 'control', 'content', 'version'] as const;
export type DiscardReason = (typeof DISCARD_REASONS)[number];

export interface DiscardedFrame {
  readonly kind: 'discarded';
  readonly reason: DiscardReason;
  /** The bytes as they came, delimiter excluded. */
  readonly bytes: Uint8Array;
}

/**
 * Decodes the bytes between two delimiters (none of them 0x00, at least one).
 * Never throws. `maxPayload` is what the session agreed on, {@link MAX_PAYLOAD} before it.
 */
export function decodeSerialFrame(
  stuffed: Uint8Array,
  maxPayload: number = MAX_PAYLOAD,
): SerialFrame | DiscardedFrame {
  const decoded = cobsDecode(stuffed);
  if (decoded === undefined) return discard('stuffing', stuffed);
  if (decoded.length < FRAME_OVERHEAD) return discard('short', stuffed);
  if (decoded.length > FRAME_OVERHEAD + maxPayload) return discard('long', stuffed);
  const end = decoded.length - 4;
  const covered = decoded.subarray(0, end);
  if (crc32(covered) !== u32(decoded, end)) return discard('crc', stuffed);
  return decodeChecked(covered, stuffed);
}

function decodeChecked(covered: Uint8Array, stuffed: Uint8Array): SerialFrame | DiscardedFrame {
  const control = covered[0]!;
  const kind = control >> 6;
  if (kind === KIND_DATA) {
    return { kind: 'data', ns: (control >> 3) & 7, nr: control & 7, payload: covered.subarray(1) };
  }
  if (kind === KIND_ACK) {
    if ((control & 0x30) !== 0) return discard('control', stuffed);
    if (covered.length !== 1) return discard('content', stuffed);
    return { kind: 'ack', nr: control & 7, nak: (control & 8) !== 0 };
  }
  if (kind === KIND_PLAIN) {
    if ((control & 0x3f) !== 0) return discard('control', stuffed);
    return { kind: 'plain', payload: covered.subarray(1) };
  }
  return decodeReset(control & 0x3f, covered, stuffed);
}

function decodeReset(code: number, covered: Uint8Array, stuffed: Uint8Array): ResetFrame | DiscardedFrame {
  if (code > 1) return discard('control', stuffed);
  if (covered.length < 1 + RESET_LENGTH) return discard('content', stuffed);
  if (covered[1] !== SERIAL_VERSION) return discard('version', stuffed);
  const window = covered[2]!;
  const maxPayload = u16(covered, 3);
  if (window < 1 || window > MAX_WINDOW || maxPayload < MIN_MAX_PAYLOAD) return discard('content', stuffed);
  return { kind: code === 0 ? 'rst' : 'rstack', window, maxPayload, session: u32(covered, 5) };
}

function discard(reason: DiscardReason, bytes: Uint8Array): DiscardedFrame {
  return { kind: 'discarded', reason, bytes };
}

/** The frame as it goes over the line, delimiter included. */
export function encodeSerialFrame(frame: SerialFrame): Uint8Array {
  switch (frame.kind) {
    case 'data':
      return stuff((frame.ns << 3) | frame.nr, frame.payload);
    case 'ack':
      return stuff((KIND_ACK << 6) | (frame.nak ? 8 : 0) | frame.nr, NOTHING);
    case 'plain':
      return stuff(KIND_PLAIN << 6, frame.payload);
    default:
      return stuff(0xc0 | (frame.kind === 'rst' ? 0 : 1), resetPayload(frame));
  }
}

const NOTHING = new Uint8Array(0);

function resetPayload(frame: ResetFrame): Uint8Array {
  const payload = new Uint8Array(RESET_LENGTH);
  payload[0] = SERIAL_VERSION;
  payload[1] = frame.window;
  putU16(payload, 2, frame.maxPayload);
  putU32(payload, 4, frame.session);
  return payload;
}

function stuff(control: number, payload: Uint8Array): Uint8Array {
  const plain = new Uint8Array(payload.length + FRAME_OVERHEAD);
  plain[0] = control;
  plain.set(payload, 1);
  const end = plain.length - 4;
  putU32(plain, end, crc32(plain.subarray(0, end)));
  const wire = new Uint8Array(maxStuffedLength(plain.length) + 1);
  const length = cobsEncode(plain, wire, 0);
  wire[length] = 0;
  return wire.subarray(0, length + 1);
}
