import { HEADER_LENGTH } from '../../wire/virtio-msg/header.js';
import type { DeviceInfo, TransportMessage } from '../../wire/virtio-msg/transport.js';
import type { BusDrop } from './counters.js';
import type { DevicePort } from './device-port.js';

/** Feature bits a device numbers: two blocks of 32. */
const FEATURE_BITS = 64;
/** Bytes of GET_DEVICE_FEATURES's and GET_CONFIG's answers before what they carry. */
const FEATURES_OVERHEAD = HEADER_LENGTH + 8;
const CONFIG_OVERHEAD = HEADER_LENGTH + 12;

const NO_DEVICE: DeviceInfo = {
  deviceId: 0,
  vendorId: 0,
  featureBits: 0,
  configSize: 0,
  maxVirtqueues: 0,
  adminVqStart: 0,
  adminVqCount: 0,
};

/** The answer to a transport message of the driver, or why it is dropped (in-band bus, "Transport messages used"). */
export function answerTransport(
  message: TransportMessage,
  port: DevicePort | undefined,
  maxSize: number,
): TransportMessage | BusDrop {
  const { devNum, token } = message;
  if (message.type === 'device-info-request') {
    const info = port === undefined ? NO_DEVICE : infoOf(port);
    return { type: 'device-info-response', devNum, token, info };
  }
  if (message.type === 'event-config') return 'wrong_direction';
  if (message.type.endsWith('-response')) return 'stray_response';
  if (port === undefined) return 'unknown_device';
  return answerRequest(message, port, maxSize);
}

function answerRequest(
  message: TransportMessage,
  port: DevicePort,
  maxSize: number,
): TransportMessage | BusDrop {
  const { devNum, token } = message;
  switch (message.type) {
    case 'features-request': {
      const count = Math.min(message.count, Math.floor((maxSize - FEATURES_OVERHEAD) / 4));
      const bits = Array.from({ length: count }, (_, i) => offeredBlock(port, message.block + i));
      return { type: 'features-response', devNum, token, features: { block: message.block, bits } };
    }
    case 'set-features-request':
      port.setFeatures(message.features.block, message.features.bits);
      return { type: 'set-features-response', devNum, token };
    case 'config-request': {
      const { config, configGeneration } = port.device;
      const length = Math.min(message.length, maxSize - CONFIG_OVERHEAD);
      const bytes = config.subarray(message.offset, message.offset + length);
      const span = { generation: configGeneration, offset: message.offset, bytes };
      return { type: 'config-response', devNum, token, config: span };
    }
    case 'set-config-request': {
      // A GPIO device has nothing to configure: always rejected.
      const { offset } = message.config;
      const span = { generation: port.device.configGeneration, offset, bytes: new Uint8Array(0) };
      return { type: 'set-config-response', devNum, token, config: span };
    }
    case 'status-request':
      return { type: 'status-response', devNum, token, status: port.status };
    case 'set-status-request':
      return { type: 'set-status-response', devNum, token, status: port.setStatus(message.status) };
    case 'vqueue-request': {
      const queue = port.queue(message.index);
      const vqueue = { index: message.index, maxSize: queue?.maxSize ?? 0, curSize: queue?.size ?? 0 };
      return { type: 'vqueue-response', devNum, token, vqueue };
    }
    case 'set-vqueue-request':
      port.setQueue(message.index, message.size);
      return { type: 'set-vqueue-response', devNum, token };
    case 'reset-vqueue-request':
      if (!port.resetQueue(message.index)) return 'not_negotiated';
      return { type: 'reset-vqueue-response', devNum, token };
    default:
      return 'wrong_direction';
  }
}

function infoOf(port: DevicePort): DeviceInfo {
  const { device } = port;
  return {
    deviceId: device.deviceId,
    vendorId: device.vendorId,
    featureBits: FEATURE_BITS,
    configSize: device.config.length,
    maxVirtqueues: device.maxQueueSizes.length,
    adminVqStart: 0,
    adminVqCount: 0,
  };
}

function offeredBlock(port: DevicePort, block: number): number {
  if (block > 1) return 0;
  return Number((port.device.offeredFeatures >> BigInt(32 * block)) & 0xffff_ffffn);
}
