import { putU16, u16 } from '../bytes.js';

/** The 8-byte header of every virtio-msg message (docs/protocol.md, "Header"). */

export const HEADER_LENGTH = 8;

const TYPE_RESPONSE = 1;
const TYPE_BUS = 2;

/** Transport messages (bit 1 of the type clear). */
export const TRANSPORT = {
  GET_DEVICE_INFO: 0x02,
  GET_DEVICE_FEATURES: 0x03,
  SET_DRIVER_FEATURES: 0x04,
  GET_CONFIG: 0x05,
  SET_CONFIG: 0x06,
  GET_DEVICE_STATUS: 0x07,
  SET_DEVICE_STATUS: 0x08,
  GET_VQUEUE: 0x09,
  SET_VQUEUE: 0x0a,
  RESET_VQUEUE: 0x0b,
  EVENT_CONFIG: 0x40,
} as const;

/** Bus messages (bit 1 of the type set); from 0x80 on those of the in-band bus. */
export const BUS = {
  GET_DEVICES: 0x02,
  PING: 0x03,
  EVENT_DEVICE: 0x40,
  HELLO: 0x80,
  TIME: 0x81,
  BOOT: 0xc0,
  VQ_AVAIL: 0xc1,
  VQ_USED: 0xc2,
  LOG: 0xc3,
} as const;

export interface Header {
  readonly bus: boolean;
  readonly response: boolean;
  readonly id: number;
  readonly devNum: number;
  readonly token: number;
  /** The whole message, header included. */
  readonly size: number;
}

/** Why a packet was dropped; one counter for each. */
export const DROP_REASONS = [
  'header-cut',
  'size-under-8',
  'size-over-packet',
  'unknown-id',
  'token-zero',
  'body-cut',
  'element-cut',
] as const;
export type DropReason = (typeof DROP_REASONS)[number];

export interface DroppedMessage {
  readonly type: 'dropped';
  readonly reason: DropReason;
  /** The header, where there was a whole one. */
  readonly header?: Header;
}

/** Reads and checks the header. A packet longer than its message is fine: the rest is ignored. */
export function decodeHeader(packet: Uint8Array): Header | DroppedMessage {
  if (packet.length < HEADER_LENGTH) return { type: 'dropped', reason: 'header-cut' };
  const size = u16(packet, 6);
  if (size < HEADER_LENGTH) return { type: 'dropped', reason: 'size-under-8' };
  if (size > packet.length) return { type: 'dropped', reason: 'size-over-packet' };
  const kind = packet[0]!;
  return {
    bus: (kind & TYPE_BUS) !== 0,
    response: (kind & TYPE_RESPONSE) !== 0,
    id: packet[1]!,
    devNum: u16(packet, 2),
    token: u16(packet, 4),
    size,
  };
}

/** Writes a header at the start of `packet`, whose length is the message's size. */
export function putHeader(
  packet: Uint8Array,
  bus: boolean,
  response: boolean,
  id: number,
  devNum: number,
  token: number,
): void {
  packet[0] = (bus ? TYPE_BUS : 0) | (response ? TYPE_RESPONSE : 0);
  packet[1] = id;
  putU16(packet, 2, devNum);
  putU16(packet, 4, token);
  putU16(packet, 6, packet.length);
}

/** A new message with its header written and `bodyLength` zero bytes behind it. */
export function newMessage(
  bus: boolean,
  response: boolean,
  id: number,
  devNum: number,
  token: number,
  bodyLength: number,
): Uint8Array {
  const packet = new Uint8Array(HEADER_LENGTH + bodyLength);
  putHeader(packet, bus, response, id, devNum, token);
  return packet;
}
