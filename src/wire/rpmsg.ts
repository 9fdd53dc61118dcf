/**
 * What the virtio rpmsg bus puts around messages (Linux, drivers/rpmsg: struct rpmsg_hdr and struct
 * rpmsg_ns_msg): the head with the two addresses, and the name service by which channels are announced.
 */
import { putU16, putU32, u16, u32 } from './bytes.js';

/** virtio device id of an rpmsg bus. */
export const VIRTIO_ID_RPMSG = 7;
/** VIRTIO_RPMSG_F_NS: the name service is spoken. */
export const RPMSG_FEATURE_NS = 0;
/** le32 src; le32 dst; le32 reserved; le16 len; le16 flags. */
export const RPMSG_HEADER_LENGTH = 16;
/** The kernel's buffers, head included. */
export const RPMSG_BUFFER_LENGTH = 512;
/** Where announcements go to. */
export const NAME_SERVICE_ADDRESS = 53;
/** The longest name of a channel; it ends with a zero in 32 bytes. */
export const MAX_CHANNEL_NAME = 31;

const NAME_BYTES = 32;
const NAME_SERVICE_LENGTH = NAME_BYTES + 8;
const DESTROY = 1;

export interface RpmsgHeader {
  readonly source: number;
  readonly destination: number;
  /** Bytes of the message behind the head. */
  readonly length: number;
}

/** The head of a message in `available` bytes from `at` on; undefined where it is cut, or says more than there is. */
export function readRpmsgHeader(bytes: Uint8Array, at: number, available: number): RpmsgHeader | undefined {
  if (available < RPMSG_HEADER_LENGTH) return undefined;
  const length = u16(bytes, at + 12);
  if (length > available - RPMSG_HEADER_LENGTH) return undefined;
  return { source: u32(bytes, at), destination: u32(bytes, at + 4), length };
}

/** A message with its head. */
export function writeRpmsg(source: number, destination: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(RPMSG_HEADER_LENGTH + payload.length);
  putU32(bytes, 0, source);
  putU32(bytes, 4, destination);
  putU16(bytes, 12, payload.length);
  bytes.set(payload, RPMSG_HEADER_LENGTH);
  return bytes;
}

/** A channel that is announced, or taken away. */
export interface Announcement {
  /** Up to 31 ASCII characters. */
  readonly name: string;
  readonly address: number;
  readonly exists: boolean;
}

export function writeAnnouncement({ name, address, exists }: Announcement): Uint8Array {
  const payload = new Uint8Array(NAME_SERVICE_LENGTH);
  payload.set(Buffer.from(name, 'latin1').subarray(0, MAX_CHANNEL_NAME));
  putU32(payload, NAME_BYTES, address);
  putU32(payload, NAME_BYTES + 4, exists ? 0 : DESTROY);
  return payload;
}

/** Undefined where it is cut. */
export function readAnnouncement(payload: Uint8Array): Announcement | undefined {
  if (payload.length < NAME_SERVICE_LENGTH) return undefined;
  const end = payload.indexOf(0);
  const name = Buffer.from(payload.subarray(0, end < 0 ? NAME_BYTES : Math.min(end, NAME_BYTES)));
  return {
    name: name.toString('latin1'),
    address: u32(payload, NAME_BYTES),
    exists: (u32(payload, NAME_BYTES + 4) & DESTROY) === 0,
  };
}
