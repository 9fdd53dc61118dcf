import { putU16, putU32, putU64, u16, u32, u64 } from '../bytes.js';
import { BUS, HEADER_LENGTH, type Header, newMessage } from './header.js';
import { decodeQueueMessage, encodeLog, type VqAvail, type VqUsed } from './queue.js';

/** Bus messages of virtio-msg and of the in-band bus (docs/protocol.md, "Bus messages"). */

export const BUS_REVISION = 1;
/** The smallest max_msg_size a side may name in HELLO. */
export const MIN_MAX_MSG_SIZE = 64;
/** Bytes of `ident` in the HELLO answer. */
export const IDENT_LENGTH = 32;

/** bus_features of the HELLO answer: what the device has. */
export const BUS_FEATURE = { TIME: 1 << 0, LOG: 1 << 1, RESUME: 1 << 2 } as const;

/** States of EVENT_DEVICE. */
export const DEVICE_STATE = { READY: 1, REMOVED: 2 } as const;

export interface HelloRequest {
  readonly type: 'hello-request';
  readonly token: number;
  readonly revision: number;
  readonly maxMsgSize: number;
  readonly busFeatures: number;
  /** 0: none known. */
  readonly knownBootId: number;
}

export interface HelloResponse {
  readonly type: 'hello-response';
  readonly token: number;
  readonly revision: number;
  readonly maxMsgSize: number;
  readonly busFeatures: number;
  /** Never 0; differs after every start of the firmware. */
  readonly bootId: number;
  /** 1: the device kept its state and forgot only buffers and unsent messages. */
  readonly resumed: number;
  /** Firmware name and version. */
  readonly ident: string;
}

export interface GetDevicesResponse {
  readonly type: 'get-devices-response';
  readonly token: number;
  readonly offset: number;
  readonly count: number;
  /** Where to ask next; 0 when no device follows. */
  readonly nextOffset: number;
  /** The device numbers set in the bitmap. */
  readonly devices: readonly number[];
}

/** A bus message as decoded. */
export type BusMessage =
  | HelloRequest
  | HelloResponse
  | {
      readonly type: 'get-devices-request';
      readonly token: number;
      readonly offset: number;
      readonly count: number;
    }
  | GetDevicesResponse
  | { readonly type: 'ping-request'; readonly token: number; readonly data: number }
  | { readonly type: 'ping-response'; readonly token: number; readonly data: number }
  | { readonly type: 'time-request'; readonly token: number; readonly t1: bigint }
  | {
      readonly type: 'time-response';
      readonly token: number;
      readonly t1: bigint;
      /** Device clock at receipt, ns. */
      readonly t2: bigint;
      /** Device clock just before the answer, ns. */
      readonly t3: bigint;
    }
  | { readonly type: 'event-device'; readonly devNum: number; readonly state: number }
  | { readonly type: 'boot'; readonly bootId: number }
  | { readonly type: 'log'; readonly level: number; readonly text: string }
  | VqAvail
  | VqUsed;

/** Decodes the body behind a bus header. */
export function decodeBus(
  header: Header,
  packet: Uint8Array,
): BusMessage | 'body-cut' | 'element-cut' | 'unknown-id' {
  if (!header.response && (header.id === BUS.VQ_USED || header.id === BUS.VQ_AVAIL)) {
    const type = header.id === BUS.VQ_USED ? 'vq-used' : 'vq-avail';
    return decodeQueueMessage(type, packet, header.size) ?? 'element-cut';
  }
  const layout = (header.response ? RESPONSES : REQUESTS)[header.id];
  if (layout === undefined) return 'unknown-id';
  const body = packet.subarray(HEADER_LENGTH, header.size);
  if (body.length < layout.length) return 'body-cut';
  return layout.decode(body, header.token) ?? 'body-cut';
}

interface Layout {
  readonly length: number;
  readonly decode: (body: Uint8Array, token: number) => BusMessage | undefined;
}

const REQUESTS: Readonly<Record<number, Layout>> = {
  [BUS.GET_DEVICES]: {
    length: 4,
    decode: (b, token) => ({ type: 'get-devices-request', token, offset: u16(b, 0), count: u16(b, 2) }),
  },
  [BUS.PING]: { length: 4, decode: (b, token) => ({ type: 'ping-request', token, data: u32(b, 0) }) },
  [BUS.EVENT_DEVICE]: {
    length: 4,
    decode: (b) => ({ type: 'event-device', devNum: u16(b, 0), state: u16(b, 2) }),
  },
  [BUS.HELLO]: {
    length: 12,
    decode: (b, token) => ({
      type: 'hello-request',
      token,
      revision: u16(b, 0),
      maxMsgSize: u16(b, 2),
      busFeatures: u32(b, 4),
      knownBootId: u32(b, 8),
    }),
  },
  [BUS.TIME]: { length: 8, decode: (b, token) => ({ type: 'time-request', token, t1: u64(b, 0) }) },
  [BUS.BOOT]: { length: 4, decode: (b) => ({ type: 'boot', bootId: u32(b, 0) }) },
  [BUS.LOG]: {
    length: 2,
    decode: (b) => ({ type: 'log', level: b[0]!, text: new TextDecoder().decode(b.subarray(2)) }),
  },
};

const RESPONSES: Readonly<Record<number, Layout>> = {
  [BUS.GET_DEVICES]: { length: 6, decode: decodeGetDevices },
  [BUS.PING]: { length: 4, decode: (b, token) => ({ type: 'ping-response', token, data: u32(b, 0) }) },
  [BUS.HELLO]: {
    length: 16 + IDENT_LENGTH,
    decode: (b, token) => ({
      type: 'hello-response',
      token,
      revision: u16(b, 0),
      maxMsgSize: u16(b, 2),
      busFeatures: u32(b, 4),
      bootId: u32(b, 8),
      resumed: u32(b, 12),
      ident: decodeIdent(b.subarray(16, 16 + IDENT_LENGTH)),
    }),
  },
  [BUS.TIME]: {
    length: 24,
    decode: (b, token) => ({ type: 'time-response', token, t1: u64(b, 0), t2: u64(b, 8), t3: u64(b, 16) }),
  },
};

function decodeGetDevices(body: Uint8Array, token: number): GetDevicesResponse | undefined {
  const offset = u16(body, 0);
  const count = u16(body, 2);
  if (Math.ceil(count / 8) > body.length - 6) return undefined;
  const devices: number[] = [];
  for (let i = 0; i < count; i++) {
    if ((body[6 + (i >> 3)]! & (1 << (i & 7))) !== 0) devices.push(offset + i);
  }
  return { type: 'get-devices-response', token, offset, count, nextOffset: u16(body, 4), devices };
}

/** Printable ASCII up to the first NUL; anything else in it becomes `?`, since it is shown to people. */
function decodeIdent(bytes: Uint8Array): string {
  let ident = '';
  for (const byte of bytes) {
    if (byte === 0) break;
    ident += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '?';
  }
  return ident;
}

/** Encodes a bus message; the inverse of {@link decodeBus} (queue messages: wire/virtio-msg/queue.ts). */
export function encodeBus(message: Exclude<BusMessage, VqAvail | VqUsed>): Uint8Array {
  switch (message.type) {
    case 'hello-request':
      return encodeHelloRequest(message);
    case 'hello-response':
      return encodeHelloResponse(message);
    case 'get-devices-request': {
      const packet = newMessage(true, false, BUS.GET_DEVICES, 0, message.token, 4);
      putU16(packet, 8, message.offset);
      putU16(packet, 10, message.count);
      return packet;
    }
    case 'get-devices-response':
      return encodeGetDevices(message);
    case 'ping-request':
    case 'ping-response': {
      const packet = newMessage(true, message.type === 'ping-response', BUS.PING, 0, message.token, 4);
      putU32(packet, 8, message.data);
      return packet;
    }
    case 'time-request':
    case 'time-response':
      return encodeTime(message);
    case 'event-device': {
      const packet = newMessage(true, false, BUS.EVENT_DEVICE, 0, 0, 4);
      putU16(packet, 8, message.devNum);
      putU16(packet, 10, message.state);
      return packet;
    }
    case 'boot': {
      const packet = newMessage(true, false, BUS.BOOT, 0, 0, 4);
      putU32(packet, 8, message.bootId);
      return packet;
    }
    case 'log':
      return encodeLog(message.level, message.text);
  }
}

function encodeHelloRequest(m: HelloRequest): Uint8Array {
  const packet = newMessage(true, false, BUS.HELLO, 0, m.token, 12);
  putU16(packet, 8, m.revision);
  putU16(packet, 10, m.maxMsgSize);
  putU32(packet, 12, m.busFeatures);
  putU32(packet, 16, m.knownBootId);
  return packet;
}

function encodeHelloResponse(m: HelloResponse): Uint8Array {
  const packet = newMessage(true, true, BUS.HELLO, 0, m.token, 16 + IDENT_LENGTH);
  putU16(packet, 8, m.revision);
  putU16(packet, 10, m.maxMsgSize);
  putU32(packet, 12, m.busFeatures);
  putU32(packet, 16, m.bootId);
  putU32(packet, 20, m.resumed);
  for (let i = 0; i < Math.min(m.ident.length, IDENT_LENGTH); i++) packet[24 + i] = m.ident.charCodeAt(i);
  return packet;
}

function encodeGetDevices(m: GetDevicesResponse): Uint8Array {
  const packet = newMessage(true, true, BUS.GET_DEVICES, 0, m.token, 6 + Math.ceil(m.count / 8));
  putU16(packet, 8, m.offset);
  putU16(packet, 10, m.count);
  putU16(packet, 12, m.nextOffset);
  for (const device of m.devices) {
    const bit = device - m.offset;
    packet[14 + (bit >> 3)]! |= 1 << (bit & 7);
  }
  return packet;
}

function encodeTime(m: Extract<BusMessage, { type: 'time-request' | 'time-response' }>): Uint8Array {
  const answer = m.type === 'time-response';
  const packet = newMessage(true, answer, BUS.TIME, 0, m.token, answer ? 24 : 8);
  putU64(packet, 8, m.t1);
  if (answer) {
    putU64(packet, 16, m.t2);
    putU64(packet, 24, m.t3);
  }
  return packet;
}
