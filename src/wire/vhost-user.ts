/**
 * Messages of the vhost-user protocol (QEMU's "Vhost-user Protocol"), as a back end reads and answers
 * them. Bounds are checked here; what a message means is the session's (vhost-user/session.ts).
 */
import { putU32, putU64, u16, u32, u64 } from './bytes.js';

/** Front-end message types that a back end for split rings may meet. */
export const REQUEST = {
  GET_FEATURES: 1,
  SET_FEATURES: 2,
  SET_OWNER: 3,
  RESET_OWNER: 4,
  SET_MEM_TABLE: 5,
  SET_VRING_NUM: 8,
  SET_VRING_ADDR: 9,
  SET_VRING_BASE: 10,
  GET_VRING_BASE: 11,
  SET_VRING_KICK: 12,
  SET_VRING_CALL: 13,
  SET_VRING_ERR: 14,
  GET_PROTOCOL_FEATURES: 15,
  SET_PROTOCOL_FEATURES: 16,
  GET_QUEUE_NUM: 17,
  SET_VRING_ENABLE: 18,
  GET_CONFIG: 24,
  SET_CONFIG: 25,
  GET_INFLIGHT_FD: 31,
  SET_INFLIGHT_FD: 32,
  RESET_DEVICE: 34,
} as const;

/** Bits of VHOST_USER_GET_PROTOCOL_FEATURES. */
export const PROTOCOL_FEATURE = {
  MQ: 0,
  REPLY_ACK: 3,
  CONFIG: 9,
  INFLIGHT_SHMFD: 12,
  RESET_DEVICE: 13,
} as const;

/** Bits of VHOST_USER_GET_FEATURES that are not the device type's. */
export const TRANSPORT_FEATURE = {
  RING_INDIRECT_DESC: 28,
  PROTOCOL_FEATURES: 30,
  VERSION_1: 32,
} as const;

export const HEADER_LENGTH = 12;
/** The longest payload that any of these messages has, and what one may have at all. */
export const MAX_PAYLOAD = 4096;
/** Regions of one SET_MEM_TABLE: VHOST_MEMORY_BASELINE_NREGIONS. */
export const MAX_REGIONS = 8;
/** VHOST_USER_MAX_CONFIG_SIZE */
export const MAX_CONFIG = 256;

const VERSION = 1;
const VERSION_MASK = 3;
const FLAG_REPLY = 4;
const FLAG_NEED_REPLY = 8;
const REGION_LENGTH = 32;
const CONFIG_HEAD = 12;
const VRING_INDEX_MASK = 0xffn;
const VRING_NO_FD = 0x100n;

export interface MessageHeader {
  readonly request: number;
  readonly needReply: boolean;
  /** Of the payload, bytes. */
  readonly size: number;
}

/** The head of a message from the front end, or in words what is wrong with it. */
export function readHeader(bytes: Uint8Array, at: number): MessageHeader | string {
  const request = u32(bytes, at);
  const flags = u32(bytes, at + 4);
  const size = u32(bytes, at + 8);
  if ((flags & VERSION_MASK) !== VERSION) return `message ${request} has version ${flags & VERSION_MASK}`;
  if ((flags & FLAG_REPLY) !== 0) return `message ${request} is a reply, to nothing`;
  if (size > MAX_PAYLOAD) return `message ${request} has ${size} bytes`;
  return { request, needReply: (flags & FLAG_NEED_REPLY) !== 0, size };
}

/** A message with this payload; `reply` for the back end's answers. */
export function writeMessage(
  request: number,
  payload: Uint8Array,
  { reply = false, needReply = false } = {},
): Uint8Array {
  const bytes = new Uint8Array(HEADER_LENGTH + payload.length);
  putU32(bytes, 0, request);
  putU32(bytes, 4, VERSION | (reply ? FLAG_REPLY : 0) | (needReply ? FLAG_NEED_REPLY : 0));
  putU32(bytes, 8, payload.length);
  bytes.set(payload, HEADER_LENGTH);
  return bytes;
}

/** A payload of one u64; undefined where it is shorter. */
export function readU64(payload: Uint8Array): bigint | undefined {
  return payload.length < 8 ? undefined : u64(payload, 0);
}

export function u64Payload(value: bigint): Uint8Array {
  const payload = new Uint8Array(8);
  putU64(payload, 0, value);
  return payload;
}

/** SET_VRING_NUM, SET_VRING_BASE, GET_VRING_BASE, SET_VRING_ENABLE: a queue and a number. */
export interface VringState {
  readonly index: number;
  readonly value: number;
}

export function readVringState(payload: Uint8Array): VringState | undefined {
  return payload.length < 8 ? undefined : { index: u32(payload, 0), value: u32(payload, 4) };
}

export function vringStatePayload({ index, value }: VringState): Uint8Array {
  const payload = new Uint8Array(8);
  putU32(payload, 0, index);
  putU32(payload, 4, value);
  return payload;
}

/** SET_VRING_ADDR: where the parts of a ring are, in the front end's own address space. */
export interface VringAddresses {
  readonly index: number;
  readonly descriptors: bigint;
  readonly used: bigint;
  readonly available: bigint;
}

export function readVringAddresses(payload: Uint8Array): VringAddresses | undefined {
  if (payload.length < 40) return undefined;
  return {
    index: u32(payload, 0),
    descriptors: u64(payload, 8),
    used: u64(payload, 16),
    available: u64(payload, 24),
  };
}

export function vringAddressesPayload(addresses: VringAddresses): Uint8Array {
  const payload = new Uint8Array(40);
  putU32(payload, 0, addresses.index);
  putU64(payload, 8, addresses.descriptors);
  putU64(payload, 16, addresses.used);
  putU64(payload, 24, addresses.available);
  return payload;
}

/** SET_VRING_KICK, CALL and ERR: a queue, and whether a descriptor comes with it. */
export interface VringDescriptor {
  readonly index: number;
  readonly hasDescriptor: boolean;
}

export function readVringDescriptor(payload: Uint8Array): VringDescriptor | undefined {
  const value = readU64(payload);
  if (value === undefined) return undefined;
  return { index: Number(value & VRING_INDEX_MASK), hasDescriptor: (value & VRING_NO_FD) === 0n };
}

export function vringDescriptorPayload({ index, hasDescriptor }: VringDescriptor): Uint8Array {
  return u64Payload(BigInt(index) | (hasDescriptor ? 0n : VRING_NO_FD));
}

/** A piece of guest memory, as the front end describes it. Its descriptor comes beside. */
export interface MemoryRegion {
  readonly guestAddress: bigint;
  readonly size: bigint;
  /** In the front end's own address space. */
  readonly userAddress: bigint;
  /** Where in the descriptor's file it begins. */
  readonly mmapOffset: bigint;
}

/** SET_MEM_TABLE; undefined where it has more regions than the protocol allows, or none of what it says. */
export function readMemoryTable(payload: Uint8Array): readonly MemoryRegion[] | undefined {
  if (payload.length < 8) return undefined;
  const count = u32(payload, 0);
  if (count > MAX_REGIONS || payload.length < 8 + count * REGION_LENGTH) return undefined;
  return Array.from({ length: count }, (_, i) => {
    const at = 8 + i * REGION_LENGTH;
    return {
      guestAddress: u64(payload, at),
      size: u64(payload, at + 8),
      userAddress: u64(payload, at + 16),
      mmapOffset: u64(payload, at + 24),
    };
  });
}

export function memoryTablePayload(regions: readonly MemoryRegion[]): Uint8Array {
  const payload = new Uint8Array(8 + regions.length * REGION_LENGTH);
  putU32(payload, 0, regions.length);
  regions.forEach((region, i) => {
    const at = 8 + i * REGION_LENGTH;
    putU64(payload, at, region.guestAddress);
    putU64(payload, at + 8, region.size);
    putU64(payload, at + 16, region.userAddress);
    putU64(payload, at + 24, region.mmapOffset);
  });
  return payload;
}

/** GET_CONFIG and SET_CONFIG: a piece of the configuration space. */
export interface ConfigRange {
  readonly offset: number;
  readonly size: number;
  readonly flags: number;
}

export function readConfigRange(payload: Uint8Array): ConfigRange | undefined {
  if (payload.length < CONFIG_HEAD) return undefined;
  return { offset: u32(payload, 0), size: u32(payload, 4), flags: u32(payload, 8) };
}

/** The answer to GET_CONFIG; an empty payload says that the range is refused. */
export function configPayload({ offset, size, flags }: ConfigRange, bytes: Uint8Array): Uint8Array {
  const payload = new Uint8Array(CONFIG_HEAD + size);
  putU32(payload, 0, offset);
  putU32(payload, 4, size);
  putU32(payload, 8, flags);
  payload.set(bytes.subarray(0, size), CONFIG_HEAD);
  return payload;
}

/** GET_INFLIGHT_FD and SET_INFLIGHT_FD: memory that records what is in flight. */
export interface InflightDescription {
  readonly mmapSize: bigint;
  readonly mmapOffset: bigint;
  readonly queueCount: number;
  readonly queueSize: number;
}

export function readInflight(payload: Uint8Array): InflightDescription | undefined {
  if (payload.length < 20) return undefined;
  return {
    mmapSize: u64(payload, 0),
    mmapOffset: u64(payload, 8),
    queueCount: u16(payload, 16),
    queueSize: u16(payload, 18),
  };
}

/** As QEMU sends it: without the padding that C puts behind. */
export function inflightPayload(description: InflightDescription): Uint8Array {
  const payload = new Uint8Array(20);
  putU64(payload, 0, description.mmapSize);
  putU64(payload, 8, description.mmapOffset);
  putU32(payload, 16, description.queueCount | (description.queueSize << 16));
  return payload;
}
