import { putU16, putU32, putU64, u16, u32, u64 } from './bytes.js';

/** The GPIO device of virtio 1.4 (device ID 41), names as in linux/virtio_gpio.h, and two extensions. */

export const VIRTIO_ID_GPIO = 41;
export const REQUESTQ = 0;
export const EVENTQ = 1;

/** Feature bit numbers. */
export const FEATURE = {
  /** VIRTIO_GPIO_F_IRQ */
  IRQ: 0,
  /** VIRTIO_F_VERSION_1 */
  VERSION_1: 32,
  /** VIRTIO_F_RING_RESET */
  RING_RESET: 40,
  /** VIRTIO_GPIO_F_NAMES_IN_CONFIG (extension) */
  NAMES_IN_CONFIG: 61,
  /** VIRTIO_GPIO_F_EVENT_STAMP (extension): events carry level, seq and time */
  EVENT_STAMP: 62,
  /** VIRTIO_GPIO_F_EVENT_QUEUE (extension): several event buffers for a line */
  EVENT_QUEUE: 63,
} as const;

/** Device status bits. */
export const STATUS = {
  ACKNOWLEDGE: 1,
  DRIVER: 2,
  DRIVER_OK: 4,
  FEATURES_OK: 8,
  NEEDS_RESET: 64,
  FAILED: 128,
} as const;

export const MSG = {
  GET_LINE_NAMES: 1,
  GET_DIRECTION: 2,
  SET_DIRECTION: 3,
  GET_VALUE: 4,
  SET_VALUE: 5,
  SET_IRQ_TYPE: 6,
} as const;

export const DIRECTION = { NONE: 0, OUT: 1, IN: 2 } as const;

export const IRQ_TYPE = {
  NONE: 0,
  EDGE_RISING: 1,
  EDGE_FALLING: 2,
  EDGE_BOTH: 3,
  LEVEL_HIGH: 4,
  LEVEL_LOW: 8,
} as const;

/** Status of a response. */
export const RESPONSE = { OK: 0, ERR: 1 } as const;
/** Status of a returned event buffer. */
export const IRQ_STATUS = { INVALID: 0, VALID: 1 } as const;

export const REQUEST_LENGTH = 8;
/** `{ u8 status; u8 value }` */
export const RESPONSE_LENGTH = 2;
/** `{ u8 status }` */
export const IRQ_RESPONSE_LENGTH = 1;
/** `{ u8 status; u8 level; le16 0; le32 seq; le64 time_ns }` with EVENT_STAMP */
export const STAMPED_IRQ_RESPONSE_LENGTH = 16;
/** Configuration without and with the field of EVENT_QUEUE. */
export const CONFIG_LENGTH = 8;
export const CONFIG_LENGTH_QUEUE = 16;
/** Where the names block lies with NAMES_IN_CONFIG. */
export const NAMES_OFFSET = 16;
export const MAX_EVENT_DEPTH = 1024;

export interface GpioRequest {
  readonly type: number;
  readonly gpio: number;
  readonly value: number;
}

/** Undefined when shorter than a request; extra bytes are ignored. */
export function decodeGpioRequest(bytes: Uint8Array): GpioRequest | undefined {
  if (bytes.length < REQUEST_LENGTH) return undefined;
  return { type: u16(bytes, 0), gpio: u16(bytes, 2), value: u32(bytes, 4) };
}

export function encodeGpioRequest(type: number, gpio: number, value: number): Uint8Array {
  const bytes = new Uint8Array(REQUEST_LENGTH);
  putU16(bytes, 0, type);
  putU16(bytes, 2, gpio);
  putU32(bytes, 4, value);
  return bytes;
}

export interface GpioConfig {
  readonly ngpio: number;
  readonly gpioNamesSize: number;
  /** Only with EVENT_QUEUE: buffers a line may have outstanding, 1..1024. */
  readonly eventDepth?: number;
}

/** Undefined when shorter than the specification's 8 bytes. */
export function decodeGpioConfig(bytes: Uint8Array): GpioConfig | undefined {
  if (bytes.length < CONFIG_LENGTH) return undefined;
  const config = { ngpio: u16(bytes, 0), gpioNamesSize: u32(bytes, 4) };
  return bytes.length >= 10 ? { ...config, eventDepth: u16(bytes, 8) } : config;
}

/** 16 bytes when an event depth is given, else 8. */
export function encodeGpioConfig(config: GpioConfig): Uint8Array {
  const bytes = new Uint8Array(config.eventDepth === undefined ? CONFIG_LENGTH : CONFIG_LENGTH_QUEUE);
  putU16(bytes, 0, config.ngpio);
  putU32(bytes, 4, config.gpioNamesSize);
  if (config.eventDepth !== undefined) putU16(bytes, 8, config.eventDepth);
  return bytes;
}

/** What an event buffer comes back with under EVENT_STAMP. */
export interface StampedIrqResponse {
  readonly status: number;
  /** Level right after the edge; of an INVALID one, the present level. */
  readonly level: number;
  /** Number of this edge since enable, modulo 2^32; of an INVALID one, of the last edge sensed. */
  readonly seq: number;
  /** Device clock. */
  readonly timeNs: bigint;
}

export function decodeStampedIrqResponse(bytes: Uint8Array, at = 0): StampedIrqResponse {
  return {
    status: bytes[at]!,
    level: bytes[at + 1]!,
    seq: u32(bytes, at + 4),
    timeNs: u64(bytes, at + 8),
  };
}

export function putStampedIrqResponse(
  bytes: Uint8Array,
  at: number,
  status: number,
  level: number,
  seq: number,
  timeNs: bigint,
): void {
  bytes[at] = status;
  bytes[at + 1] = level;
  putU16(bytes, at + 2, 0);
  putU32(bytes, at + 4, seq);
  putU64(bytes, at + 8, timeNs);
}

/** The names block: zero-terminated strings in line order. Empty when no line has a name (D2). */
export function encodeNames(names: readonly (string | undefined)[], ngpio: number): Uint8Array {
  if (!names.slice(0, ngpio).some((name) => name !== undefined && name !== '')) return new Uint8Array(0);
  const text = Array.from({ length: ngpio }, (_, line) => `${names[line] ?? ''}\0`).join('');
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

export interface LineNames {
  /** One for each line; undefined: unnamed. */
  readonly names: readonly (string | undefined)[];
  /** What was wrong with the block, in words, one for each line concerned (H8). */
  readonly warnings: readonly string[];
}

/**
 * Takes the first `ngpio` names of a names block (H8). A missing string, a missing terminator, a
 * byte outside printable ASCII or a duplicate leaves that line unnamed, with a warning.
 */
export function decodeNames(block: Uint8Array, ngpio: number): LineNames {
  const names: (string | undefined)[] = new Array(ngpio).fill(undefined);
  const warnings: string[] = [];
  const seen = new Map<string, number>();
  let at = 0;
  for (let line = 0; line < ngpio && at < block.length; line++) {
    const end = block.indexOf(0, at);
    const bytes = block.subarray(at, end < 0 ? block.length : end);
    at = end < 0 ? block.length : end + 1;
    const fault =
      end < 0 ? 'has no terminator' : bytes.some((byte) => byte < 0x20 || byte > 0x7e) ? 'is not ASCII' : '';
    if (fault !== '') {
      warnings.push(`the name of line ${line} ${fault}: the line is unnamed`);
      continue;
    }
    const name = Buffer.from(bytes).toString('latin1');
    if (name === '') continue;
    const first = seen.get(name);
    if (first !== undefined) {
      warnings.push(`line ${line} has the name of line ${first}, '${name}': the line is unnamed`);
      continue;
    }
    seen.set(name, line);
    names[line] = name;
  }
  return { names, warnings };
}
