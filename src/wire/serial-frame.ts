import { crc32 } from 'node:zlib';
import { putU16, putU32, u16, u32 } from './bytes.js';
import { cobsDecodeInto, cobsStuffInPlace, maxStuffedLength, NOT_STUFFED } from './cobs.js';

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
const KIND_RESET = 3;
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
 * Decodes the bytes between two delimiters (at least one byte). Never throws. `maxPayload` is what
 * the session agreed on, {@link MAX_PAYLOAD} before it.
 */
export function decodeSerialFrame(
  stuffed: Uint8Array,
  maxPayload: number = MAX_PAYLOAD,
): SerialFrame | DiscardedFrame {
  if (stuffed.includes(0)) return discard('stuffing', stuffed);
  return decodeSerialFrameInto(stuffed, 0, stuffed.length, new Uint8Array(stuffed.length), 0, maxPayload);
}

/**
 * As {@link decodeSerialFrame}, of `source[from..to)`, which holds no zero, and without an
 * allocation for each frame: the payload is a view of `target`, where `to - from` bytes are free
 * from `at` on. The bytes of a discarded frame are a view of `source`.
 */
export function decodeSerialFrameInto(
  source: Uint8Array,
  from: number,
  to: number,
  target: Uint8Array,
  at: number,
  maxPayload: number,
): SerialFrame | DiscardedFrame {
  const decodedEnd = cobsDecodeInto(source, from, to, target, at);
  const length = decodedEnd - at;
  const reason =
    decodedEnd === NOT_STUFFED
      ? 'stuffing'
      : length < FRAME_OVERHEAD
        ? 'short'
        : length > FRAME_OVERHEAD + maxPayload
          ? 'long'
          : undefined;
  if (reason !== undefined) return discard(reason, source.subarray(from, to));
  const end = decodedEnd - CRC_LENGTH;
  const payload = target.subarray(at + 1, end);
  const control = target[at]!;
  const crc = payload.length === 0 ? CONTROL_CRC[control]! : crc32(payload, CONTROL_CRC[control]!);
  const frame = crc === u32(target, end) ? interpret(control, payload) : 'crc';
  return typeof frame === 'string' ? discard(frame, source.subarray(from, to)) : frame;
}

/**
 * Decodes the control byte and payload of a frame, as {@link putFrameContent} wrote them: what a
 * trace keeps of a frame. Never throws; the reason where they are no frame's.
 */
export function decodeFrameContent(content: Uint8Array): SerialFrame | DiscardReason {
  return content.length === 0 ? 'short' : interpret(content[0]!, content.subarray(1));
}

/** Writes the control byte and payload of a frame to `target` from `at` on; returns the position after it. */
export function putFrameContent(frame: SerialFrame, target: Uint8Array, at: number): number {
  target[at] = controlByte(frame);
  if (frame.kind === 'data' || frame.kind === 'plain') target.set(frame.payload, at + 1);
  else if (frame.kind !== 'ack') putReset(frame, target, at + 1);
  return at + frameContentLength(frame);
}

/** Bytes that {@link putFrameContent} writes for this frame. */
export function frameContentLength(frame: SerialFrame): number {
  return 1 + payloadLength(frame);
}

const CRC_LENGTH = 4;

/** The checksum of each control byte alone, from which that of the payload goes on. */
const CONTROL_CRC = Array.from({ length: 256 }, (_, control) => crc32(Uint8Array.of(control)));

function interpret(control: number, payload: Uint8Array): SerialFrame | DiscardReason {
  const kind = control >> 6;
  if (kind === KIND_DATA) return { kind: 'data', ns: (control >> 3) & 7, nr: control & 7, payload };
  if (kind === KIND_ACK) {
    if ((control & 0x30) !== 0) return 'control';
    return payload.length === 0 ? { kind: 'ack', nr: control & 7, nak: (control & 8) !== 0 } : 'content';
  }
  if (kind === KIND_PLAIN) return (control & 0x3f) !== 0 ? 'control' : { kind: 'plain', payload };
  return interpretReset(control & 0x3f, payload);
}

function interpretReset(code: number, payload: Uint8Array): ResetFrame | DiscardReason {
  if (code > 1) return 'control';
  if (payload.length < RESET_LENGTH) return 'content';
  if (payload[0] !== SERIAL_VERSION) return 'version';
  const window = payload[1]!;
  const maxPayload = u16(payload, 2);
  if (window < 1 || window > MAX_WINDOW || maxPayload < MIN_MAX_PAYLOAD) return 'content';
  return { kind: code === 0 ? 'rst' : 'rstack', window, maxPayload, session: u32(payload, 4) };
}

function discard(reason: DiscardReason, bytes: Uint8Array): DiscardedFrame {
  return { kind: 'discarded', reason, bytes };
}

/** The frame as it goes over the line, delimiter included. */
export function encodeSerialFrame(frame: SerialFrame): Uint8Array {
  const wire = new Uint8Array(maxFrameLength(frame));
  return wire.subarray(0, putSerialFrame(frame, wire, 0));
}

/** Most bytes that {@link putSerialFrame} writes for this frame, delimiter included. */
export function maxFrameLength(frame: SerialFrame): number {
  return maxWireLength(payloadLength(frame));
}

/** Most bytes that a frame with a payload of this length takes on the line, delimiter included. */
export function maxWireLength(length: number): number {
  return maxStuffedLength(length + FRAME_OVERHEAD) + 1;
}

/** Writes the frame, delimiter included, into `target` from `at` on; returns the position after it. */
export function putSerialFrame(frame: SerialFrame, target: Uint8Array, at: number): number {
  const control = controlByte(frame);
  const end = at + 2 + payloadLength(frame);
  target[at + 1] = control;
  let crc = CONTROL_CRC[control]!;
  if (frame.kind === 'data' || frame.kind === 'plain') {
    target.set(frame.payload, at + 2);
    if (frame.payload.length > 0) crc = crc32(frame.payload, crc);
  } else if (frame.kind !== 'ack') {
    putReset(frame, target, at + 2);
    crc = crc32(target.subarray(at + 2, end), crc);
  }
  putU32(target, end, crc);
  const stuffedEnd = cobsStuffInPlace(target, at, end + CRC_LENGTH);
  target[stuffedEnd] = 0;
  return stuffedEnd + 1;
}

function controlByte(frame: SerialFrame): number {
  switch (frame.kind) {
    case 'data':
      return (frame.ns << 3) | frame.nr;
    case 'ack':
      return (KIND_ACK << 6) | (frame.nak ? 8 : 0) | frame.nr;
    case 'plain':
      return KIND_PLAIN << 6;
    case 'rst':
      return KIND_RESET << 6;
    case 'rstack':
      return (KIND_RESET << 6) | 1;
  }
}

function payloadLength(frame: SerialFrame): number {
  if (frame.kind === 'data' || frame.kind === 'plain') return frame.payload.length;
  return frame.kind === 'ack' ? 0 : RESET_LENGTH;
}

function putReset(frame: ResetFrame, target: Uint8Array, at: number): void {
  target[at] = SERIAL_VERSION;
  target[at + 1] = frame.window;
  putU16(target, at + 2, frame.maxPayload);
  putU32(target, at + 4, frame.session);
}
