import { putU16, putU32, u16, u32 } from '../bytes.js';
import { HEADER_LENGTH, type Header, newMessage, TRANSPORT } from './header.js';

/** Transport messages of virtio-msg revision 1 (docs/protocol.md, "Transport messages"). */

export interface DeviceInfo {
  readonly deviceId: number;
  readonly vendorId: number;
  /** A multiple of 32. */
  readonly featureBits: number;
  readonly configSize: number;
  readonly maxVirtqueues: number;
  readonly adminVqStart: number;
  readonly adminVqCount: number;
}

/** A run of 32-bit feature blocks from `block` on. */
export interface FeatureBlocks {
  readonly block: number;
  readonly bits: readonly number[];
}

export interface ConfigSpan {
  readonly generation: number;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export interface VqueueInfo {
  readonly index: number;
  readonly maxSize: number;
  readonly curSize: number;
}

interface Addressed {
  readonly devNum: number;
  readonly token: number;
}

/** A transport message as decoded. Requests and responses carry their token; 0 never occurs in them. */
export type TransportMessage = Addressed &
  (
    | { readonly type: 'device-info-request' }
    | { readonly type: 'device-info-response'; readonly info: DeviceInfo }
    | { readonly type: 'features-request'; readonly block: number; readonly count: number }
    | { readonly type: 'features-response'; readonly features: FeatureBlocks }
    | { readonly type: 'set-features-request'; readonly features: FeatureBlocks }
    | { readonly type: 'set-features-response' }
    | { readonly type: 'config-request'; readonly offset: number; readonly length: number }
    | { readonly type: 'config-response'; readonly config: ConfigSpan }
    | { readonly type: 'set-config-request'; readonly config: ConfigSpan }
    | { readonly type: 'set-config-response'; readonly config: ConfigSpan }
    | { readonly type: 'status-request' }
    | { readonly type: 'status-response'; readonly status: number }
    | { readonly type: 'set-status-request'; readonly status: number }
    | { readonly type: 'set-status-response'; readonly status: number }
    | { readonly type: 'vqueue-request'; readonly index: number }
    | { readonly type: 'vqueue-response'; readonly vqueue: VqueueInfo }
    | { readonly type: 'set-vqueue-request'; readonly index: number; readonly size: number }
    | { readonly type: 'set-vqueue-response' }
    | { readonly type: 'reset-vqueue-request'; readonly index: number }
    | { readonly type: 'reset-vqueue-response' }
    | { readonly type: 'event-config'; readonly status: number; readonly config: ConfigSpan }
  );

/** Decodes the body behind a transport header; `'body-cut'` when it is shorter than its layout. */
export function decodeTransport(
  header: Header,
  packet: Uint8Array,
): TransportMessage | 'body-cut' | 'unknown-id' {
  const decode = (header.response ? RESPONSES : REQUESTS)[header.id];
  if (decode === undefined) return 'unknown-id';
  const body = packet.subarray(HEADER_LENGTH, header.size);
  const message = decode(body);
  if (message === undefined) return 'body-cut';
  return { ...message, devNum: header.devNum, token: header.token } as TransportMessage;
}

type Decoder = (body: Uint8Array) => object | undefined;

/** A decoder that needs at least `length` bytes. */
const atLeast =
  (length: number, decode: (body: Uint8Array) => object | undefined): Decoder =>
  (body) =>
    body.length < length ? undefined : decode(body);

const REQUESTS: Readonly<Record<number, Decoder>> = {
  [TRANSPORT.GET_DEVICE_INFO]: () => ({ type: 'device-info-request' }),
  [TRANSPORT.GET_DEVICE_FEATURES]: atLeast(8, (b) => ({
    type: 'features-request',
    block: u32(b, 0),
    count: u32(b, 4),
  })),
  [TRANSPORT.SET_DRIVER_FEATURES]: featureBlocks('set-features-request'),
  [TRANSPORT.GET_CONFIG]: atLeast(8, (b) => ({
    type: 'config-request',
    offset: u32(b, 0),
    length: u32(b, 4),
  })),
  [TRANSPORT.SET_CONFIG]: configSpan('set-config-request'),
  [TRANSPORT.GET_DEVICE_STATUS]: () => ({ type: 'status-request' }),
  [TRANSPORT.SET_DEVICE_STATUS]: atLeast(4, (b) => ({ type: 'set-status-request', status: u32(b, 0) })),
  [TRANSPORT.GET_VQUEUE]: atLeast(4, (b) => ({ type: 'vqueue-request', index: u32(b, 0) })),
  [TRANSPORT.SET_VQUEUE]: atLeast(40, (b) => ({
    type: 'set-vqueue-request',
    index: u32(b, 0),
    size: u32(b, 8),
  })),
  [TRANSPORT.RESET_VQUEUE]: atLeast(4, (b) => ({ type: 'reset-vqueue-request', index: u32(b, 0) })),
  [TRANSPORT.EVENT_CONFIG]: atLeast(16, (b) => {
    const config = spanAt(b, 4);
    return config && { type: 'event-config', status: u32(b, 0), config };
  }),
};

const RESPONSES: Readonly<Record<number, Decoder>> = {
  [TRANSPORT.GET_DEVICE_INFO]: atLeast(24, (b) => ({
    type: 'device-info-response',
    info: {
      deviceId: u32(b, 0),
      vendorId: u32(b, 4),
      featureBits: u32(b, 8),
      configSize: u32(b, 12),
      maxVirtqueues: u32(b, 16),
      adminVqStart: u16(b, 20),
      adminVqCount: u16(b, 22),
    },
  })),
  [TRANSPORT.GET_DEVICE_FEATURES]: featureBlocks('features-response'),
  [TRANSPORT.SET_DRIVER_FEATURES]: () => ({ type: 'set-features-response' }),
  [TRANSPORT.GET_CONFIG]: configSpan('config-response'),
  [TRANSPORT.SET_CONFIG]: configSpan('set-config-response'),
  [TRANSPORT.GET_DEVICE_STATUS]: atLeast(4, (b) => ({ type: 'status-response', status: u32(b, 0) })),
  [TRANSPORT.SET_DEVICE_STATUS]: atLeast(4, (b) => ({ type: 'set-status-response', status: u32(b, 0) })),
  [TRANSPORT.GET_VQUEUE]: atLeast(40, (b) => ({
    type: 'vqueue-response',
    vqueue: { index: u32(b, 0), maxSize: u32(b, 4), curSize: u32(b, 8) },
  })),
  [TRANSPORT.SET_VQUEUE]: () => ({ type: 'set-vqueue-response' }),
  [TRANSPORT.RESET_VQUEUE]: () => ({ type: 'reset-vqueue-response' }),
};

function featureBlocks(type: string): Decoder {
  return atLeast(8, (body) => {
    const count = u32(body, 4);
    if (count > (body.length - 8) / 4) return undefined;
    const bits = Array.from({ length: count }, (_, i) => u32(body, 8 + 4 * i));
    return { type, features: { block: u32(body, 0), bits } };
  });
}

function configSpan(type: string): Decoder {
  return atLeast(12, (body) => {
    const config = spanAt(body, 0);
    return config && { type, config };
  });
}

function spanAt(body: Uint8Array, at: number): ConfigSpan | undefined {
  const length = u32(body, at + 8);
  if (length > body.length - at - 12) return undefined;
  return {
    generation: u32(body, at),
    offset: u32(body, at + 4),
    bytes: body.slice(at + 12, at + 12 + length),
  };
}

/** Encodes a transport message; the inverse of {@link decodeTransport}. */
export function encodeTransport(message: TransportMessage): Uint8Array {
  const [id, response, body] = transportBody(message);
  const packet = newMessage(false, response, id, message.devNum, message.token, body.length);
  packet.set(body, HEADER_LENGTH);
  return packet;
}

function transportBody(m: TransportMessage): [id: number, response: boolean, body: Uint8Array] {
  switch (m.type) {
    case 'device-info-request':
      return [TRANSPORT.GET_DEVICE_INFO, false, words()];
    case 'device-info-response':
      return [TRANSPORT.GET_DEVICE_INFO, true, deviceInfoBody(m.info)];
    case 'features-request':
      return [TRANSPORT.GET_DEVICE_FEATURES, false, words(m.block, m.count)];
    case 'features-response':
      return [
        TRANSPORT.GET_DEVICE_FEATURES,
        true,
        words(m.features.block, m.features.bits.length, ...m.features.bits),
      ];
    case 'set-features-request':
      return [
        TRANSPORT.SET_DRIVER_FEATURES,
        false,
        words(m.features.block, m.features.bits.length, ...m.features.bits),
      ];
    case 'set-features-response':
      return [TRANSPORT.SET_DRIVER_FEATURES, true, words()];
    case 'config-request':
      return [TRANSPORT.GET_CONFIG, false, words(m.offset, m.length)];
    case 'config-response':
      return [TRANSPORT.GET_CONFIG, true, spanBody(m.config)];
    case 'set-config-request':
      return [TRANSPORT.SET_CONFIG, false, spanBody(m.config)];
    case 'set-config-response':
      return [TRANSPORT.SET_CONFIG, true, spanBody(m.config)];
    case 'status-request':
      return [TRANSPORT.GET_DEVICE_STATUS, false, words()];
    case 'status-response':
      return [TRANSPORT.GET_DEVICE_STATUS, true, words(m.status)];
    case 'set-status-request':
      return [TRANSPORT.SET_DEVICE_STATUS, false, words(m.status)];
    case 'set-status-response':
      return [TRANSPORT.SET_DEVICE_STATUS, true, words(m.status)];
    case 'vqueue-request':
      return [TRANSPORT.GET_VQUEUE, false, words(m.index)];
    case 'vqueue-response':
      return [
        TRANSPORT.GET_VQUEUE,
        true,
        words(m.vqueue.index, m.vqueue.maxSize, m.vqueue.curSize, 0, 0, 0, 0, 0, 0, 0),
      ];
    case 'set-vqueue-request':
      return [TRANSPORT.SET_VQUEUE, false, words(m.index, 0, m.size, 0, 0, 0, 0, 0, 0, 0)];
    case 'set-vqueue-response':
      return [TRANSPORT.SET_VQUEUE, true, words()];
    case 'reset-vqueue-request':
      return [TRANSPORT.RESET_VQUEUE, false, words(m.index)];
    case 'reset-vqueue-response':
      return [TRANSPORT.RESET_VQUEUE, true, words()];
    case 'event-config':
      return [TRANSPORT.EVENT_CONFIG, false, concat(words(m.status), spanBody(m.config))];
  }
}

function deviceInfoBody(info: DeviceInfo): Uint8Array {
  const admin = new Uint8Array(4);
  putU16(admin, 0, info.adminVqStart);
  putU16(admin, 2, info.adminVqCount);
  return concat(
    words(info.deviceId, info.vendorId, info.featureBits, info.configSize, info.maxVirtqueues),
    admin,
  );
}

function spanBody(span: ConfigSpan): Uint8Array {
  return concat(words(span.generation, span.offset, span.bytes.length), span.bytes);
}

function words(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  values.forEach((value, i) => {
    putU32(bytes, 4 * i, value);
  });
  return bytes;
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first, 0);
  both.set(second, first.length);
  return both;
}
