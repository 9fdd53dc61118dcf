import type { Spoken, SpokenBuffer } from '../../trace/conversation.js';
import { DIALECT_MESSAGE_TYPES, type DialectMessage } from '../../trace/dialect-speech.js';
import {
  DIRECTION,
  FEATURE,
  type GpioRequest,
  IRQ_STATUS,
  IRQ_TYPE,
  MSG,
  RESPONSE,
  STATUS,
} from '../../wire/virtio-gpio.js';
import { BUS_FEATURE, DEVICE_STATE } from '../../wire/virtio-msg/bus.js';
import type { Message } from '../../wire/virtio-msg/message.js';
import type { FeatureBlocks } from '../../wire/virtio-msg/transport.js';
import { dialectWords } from './dialect-words.js';

/** Says in the words of virtio-msg and virtio-gpio what a message is; one line, without times. */
export function messageWords({ message, buffers }: Spoken): string {
  if (isDialectMessage(message)) return dialectWords(message);
  const words = `${nameOf(message)}${addressOf(message)}`;
  const content =
    message.type === 'vq-avail' || message.type === 'vq-used'
      ? bufferWords(buffers, message.count)
      : contentOf(message);
  return content === '' ? words : `${words}: ${content}`;
}

/** The name of a message as its specification has it. */
export function nameOf(message: Spoken['message']): string {
  return message.type === 'dropped' ? 'dropped' : MESSAGE_NAMES[message.type];
}

export function isDialectMessage(message: Spoken['message']): message is DialectMessage {
  return DIALECT_MESSAGE_TYPES.some((type) => type === message.type);
}

/** Names by message type. */
export const MESSAGE_NAMES: Readonly<Record<Exclude<Spoken['message']['type'], 'dropped'>, string>> = {
  'hello-request': 'BUS_HELLO',
  'hello-response': 'BUS_HELLO answer',
  'get-devices-request': 'GET_DEVICES',
  'get-devices-response': 'GET_DEVICES answer',
  'ping-request': 'PING',
  'ping-response': 'PING answer',
  'time-request': 'BUS_TIME',
  'time-response': 'BUS_TIME answer',
  'event-device': 'EVENT_DEVICE',
  boot: 'BUS_BOOT',
  log: 'BUS_LOG',
  'vq-avail': 'VQ_AVAIL',
  'vq-used': 'VQ_USED',
  'device-info-request': 'GET_DEVICE_INFO',
  'device-info-response': 'GET_DEVICE_INFO answer',
  'features-request': 'GET_DEVICE_FEATURES',
  'features-response': 'GET_DEVICE_FEATURES answer',
  'set-features-request': 'SET_DRIVER_FEATURES',
  'set-features-response': 'SET_DRIVER_FEATURES answer',
  'config-request': 'GET_CONFIG',
  'config-response': 'GET_CONFIG answer',
  'set-config-request': 'SET_CONFIG',
  'set-config-response': 'SET_CONFIG answer',
  'status-request': 'GET_DEVICE_STATUS',
  'status-response': 'GET_DEVICE_STATUS answer',
  'set-status-request': 'SET_DEVICE_STATUS',
  'set-status-response': 'SET_DEVICE_STATUS answer',
  'vqueue-request': 'GET_VQUEUE',
  'vqueue-response': 'GET_VQUEUE answer',
  'set-vqueue-request': 'SET_VQUEUE',
  'set-vqueue-response': 'SET_VQUEUE answer',
  'reset-vqueue-request': 'RESET_VQUEUE',
  'reset-vqueue-response': 'RESET_VQUEUE answer',
  'event-config': 'EVENT_CONFIG',
  'gpio-request': 'request',
  'gpio-reply': 'reply',
  'gpio-interrupt': 'interrupt',
  'srtm-setup': 'SRTM setup',
  'srtm-reply': 'SRTM reply',
  'srtm-notification': 'SRTM notification',
};

function addressOf(message: Message): string {
  if (message.type === 'vq-avail' || message.type === 'vq-used') {
    return ` device ${message.devNum} ${message.vq === 0 ? 'requestq' : message.vq === 1 ? 'eventq' : `queue ${message.vq}`}`;
  }
  if (message.type === 'event-device') return ` device ${message.devNum}`;
  if ('token' in message && 'devNum' in message) return ` device ${message.devNum} token ${message.token}`;
  return 'token' in message ? ` token ${message.token}` : '';
}

function contentOf(message: Message): string {
  switch (message.type) {
    case 'dropped':
      return message.reason;
    case 'hello-request':
      return `revision ${message.revision}, max_msg_size ${message.maxMsgSize}, known boot_id ${hex32(message.knownBootId)}`;
    case 'hello-response': {
      const { revision, maxMsgSize, busFeatures, bootId, resumed, ident } = message;
      const features = bitNames(busFeatures, BUS_FEATURE);
      return `'${ident}', revision ${revision}, max_msg_size ${maxMsgSize}, ${features}, boot_id ${hex32(bootId)}, ${resumed === 0 ? 'not resumed' : 'resumed'}`;
    }
    case 'get-devices-request':
      return `from ${message.offset}, ${message.count} numbers`;
    case 'get-devices-response':
      return `devices ${message.devices.join(' ') || 'none'}${message.nextOffset === 0 ? '' : `, more from ${message.nextOffset}`}`;
    case 'ping-request':
    case 'ping-response':
      return `data ${hex32(message.data)}`;
    case 'time-request':
      return `t1 ${message.t1}`;
    case 'time-response':
      return `t1 ${message.t1}, t2 ${message.t2}, t3 ${message.t3}`;
    case 'event-device':
      return message.state === DEVICE_STATE.READY
        ? 'ready'
        : message.state === DEVICE_STATE.REMOVED
          ? 'removed'
          : `state ${message.state}`;
    case 'boot':
      return `boot_id ${hex32(message.bootId)}`;
    case 'log':
      return `level ${message.level}: ${JSON.stringify(message.text)}`;
    default:
      return transportContent(message);
  }
}

function transportContent(message: Message): string {
  switch (message.type) {
    case 'device-info-response': {
      const { deviceId, vendorId, featureBits, configSize, maxVirtqueues } = message.info;
      if (deviceId === 0) return 'no such device';
      return `device id ${deviceId}, vendor ${vendorId}, ${featureBits} feature bits, config ${configSize} bytes, ${maxVirtqueues} queues`;
    }
    case 'features-request':
      return `block ${message.block}, ${message.count} blocks`;
    case 'features-response':
    case 'set-features-request':
      return featureWords(message.features);
    case 'config-request':
      return `${message.length} bytes from ${message.offset}`;
    case 'config-response':
    case 'set-config-request':
    case 'set-config-response': {
      const { generation, offset, bytes } = message.config;
      return `${bytes.length} bytes from ${offset}, generation ${generation}: ${hexBytes(bytes)}`;
    }
    case 'status-response':
    case 'set-status-request':
    case 'set-status-response':
      return statusWords(message.status);
    case 'vqueue-request':
    case 'reset-vqueue-request':
      return `queue ${message.index}`;
    case 'vqueue-response':
      return `queue ${message.vqueue.index}, size ${message.vqueue.curSize} of ${message.vqueue.maxSize}`;
    case 'set-vqueue-request':
      return `queue ${message.index}, size ${message.size}`;
    case 'event-config':
      return `status ${statusWords(message.status)}, generation ${message.config.generation}`;
    default:
      return '';
  }
}

function statusWords(status: number): string {
  return status === 0 ? '0 (reset)' : bitNames(status, STATUS);
}

function featureWords({ block, bits }: FeatureBlocks): string {
  const names: string[] = [];
  bits.forEach((value, i) => {
    for (let bit = 0; bit < 32; bit++) {
      if (((value >>> bit) & 1) === 1) names.push(featureName(32 * (block + i) + bit));
    }
  });
  return names.join(' ') || 'none';
}

function featureName(bit: number): string {
  return Object.entries(FEATURE).find(([, number]) => number === bit)?.[0] ?? `bit${bit}`;
}

/** Names of the bits that are set, and what no name stands for. */
function bitNames(value: number, names: Readonly<Record<string, number>>): string {
  let left = value;
  const found: string[] = [];
  for (const [name, bit] of Object.entries(names)) {
    if ((value & bit) === 0) continue;
    found.push(name);
    left &= ~bit;
  }
  if (left !== 0) found.push(hex32(left >>> 0));
  return found.join(' ') || 'none';
}

function bufferWords(buffers: readonly SpokenBuffer[], count: number): string {
  if (buffers.length === 0) return count === 0 ? 'no buffers' : `${count} buffers`;
  if (buffers.every((buffer) => buffer.kind === 'event-buffer')) return armedWords(buffers);
  return buffers.map(bufferWord).join('; ');
}

/** Buffers for events are many and alike: told by line. */
function armedWords(buffers: readonly SpokenBuffer[]): string {
  const counts = new Map<string, number>();
  for (const buffer of buffers) {
    const line = buffer.kind === 'event-buffer' && buffer.line !== undefined ? String(buffer.line) : '?';
    counts.set(line, (counts.get(line) ?? 0) + 1);
  }
  const lines = [...counts].map(([line, count]) => (count === 1 ? line : `${line} (${count})`));
  return `${buffers.length} ${buffers.length === 1 ? 'buffer' : 'buffers'} for ${counts.size === 1 ? 'line' : 'lines'} ${lines.join(' ')}`;
}

function bufferWord(buffer: SpokenBuffer): string {
  switch (buffer.kind) {
    case 'request':
      return `#${buffer.id} ${requestWords(buffer.request)}`;
    case 'response':
      return `#${buffer.id} ${buffer.request === undefined ? 'an answer' : requestWords(buffer.request)} = ${responseWords(buffer)}`;
    case 'event-buffer':
      return `#${buffer.id} line ${buffer.line ?? '?'}`;
    case 'event':
      return eventWords(buffer);
  }
}

/** As `SET_DIRECTION line 3 OUT`. */
export function requestWords(request: GpioRequest | undefined): string {
  if (request === undefined) return 'a request too short';
  const { type, gpio, value } = request;
  switch (type) {
    case MSG.GET_LINE_NAMES:
      return 'GET_LINE_NAMES';
    case MSG.GET_DIRECTION:
    case MSG.GET_VALUE:
      return `${wordOf(MSG, type)} line ${gpio}`;
    case MSG.SET_DIRECTION:
      return `SET_DIRECTION line ${gpio} ${wordOf(DIRECTION, value)}`;
    case MSG.SET_VALUE:
      return `SET_VALUE line ${gpio} ${value}`;
    case MSG.SET_IRQ_TYPE:
      return `SET_IRQ_TYPE line ${gpio} ${wordOf(IRQ_TYPE, value)}`;
    default:
      return `request type ${type} line ${gpio} value ${value}`;
  }
}

function responseWords({ request, bytes }: Extract<SpokenBuffer, { kind: 'response' }>): string {
  if (bytes.length === 0) return 'nothing';
  const status = wordOf(RESPONSE, bytes[0]!);
  if (status !== 'OK') return status;
  if (request === undefined)
    return bytes.length > 2 ? `OK, ${bytes.length - 1} bytes` : `OK ${bytes[1] ?? ''}`.trimEnd();
  switch (request.type) {
    case MSG.GET_LINE_NAMES:
      return `OK ${Buffer.from(bytes.subarray(1)).toString('latin1').split('\0').slice(0, -1).join(',')}`;
    case MSG.GET_DIRECTION:
      return `OK ${wordOf(DIRECTION, bytes[1] ?? 0)}`;
    case MSG.GET_VALUE:
      return `OK ${bytes[1] ?? '?'}`;
    default:
      return 'OK';
  }
}

function eventWords({ line, status, stamp }: Extract<SpokenBuffer, { kind: 'event' }>): string {
  const words = `line ${line ?? '?'} ${status === IRQ_STATUS.VALID ? 'edge' : wordOf(IRQ_STATUS, status)}`;
  if (stamp === undefined) return words;
  return `${words} level ${stamp.level} seq ${stamp.seq} at ${stamp.timeNs}`;
}

function wordOf(names: Readonly<Record<string, number>>, value: number): string {
  return Object.entries(names).find(([, number]) => number === value)?.[0] ?? String(value);
}

function hex32(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}

export function hexBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}
