import type { GpioFeatures } from '../../src/device/gpio-device.js';
import type { BusFeatures } from '../../src/device/virtio-msg/bus-device.js';
import type { Spoken } from '../../src/trace/conversation.js';
import {
  decodeGpioConfig,
  decodeNames,
  EVENTQ,
  FEATURE,
  MSG,
  NAMES_OFFSET,
  REQUESTQ,
  RESPONSE,
  VIRTIO_ID_GPIO,
} from '../../src/wire/virtio-gpio.js';
import { BUS_FEATURE } from '../../src/wire/virtio-msg/bus.js';

/** What one boot of the recorded firmware said of itself. */
export interface BootDescription {
  readonly ident: string;
  readonly maxMsgSize: number;
  readonly busFeatures: BusFeatures;
  /** The GPIO controllers, by device number. */
  readonly controllers: ReadonlyMap<number, ControllerDescription>;
}

export interface ControllerDescription {
  readonly lineCount: number;
  readonly names: readonly (string | undefined)[];
  readonly features: GpioFeatures;
  readonly eventDepth: number | undefined;
  readonly requestQueueSize: number | undefined;
  readonly eventQueueSize: number | undefined;
}

/** What is known of one device while its answers are read. */
interface DeviceAnswers {
  isGpio: boolean;
  featureBits: bigint;
  config: Uint8Array;
  /** How much of the configuration was read. */
  configKnown: number;
  names: Uint8Array | undefined;
  readonly queueSizes: Map<number, number>;
}

/** The largest configuration taken: all lines there can be, with long names. */
const MAX_CONFIG = 1 << 24;

/** Collects the description of one boot from the answers to the driver's bring-up. */
export class DescriptionReader {
  private hello: { ident: string; maxMsgSize: number; busFeatures: number } | undefined;
  private readonly devices = new Map<number, DeviceAnswers>();

  /** Takes what the device said. */
  take({ message, buffers }: Spoken): void {
    switch (message.type) {
      case 'hello-response':
        this.hello = message;
        return;
      case 'device-info-response': {
        const device = this.device(message.devNum);
        device.isGpio = message.info.deviceId === VIRTIO_ID_GPIO;
        const size = Math.min(message.info.configSize, MAX_CONFIG);
        if (device.config.length !== size) device.config = new Uint8Array(size);
        return;
      }
      case 'features-response':
        message.features.bits.forEach((bits, i) => {
          this.device(message.devNum).featureBits |=
            BigInt(bits) << BigInt(32 * (message.features.block + i));
        });
        return;
      case 'config-response': {
        const device = this.device(message.devNum);
        const { offset, bytes } = message.config;
        if (offset + bytes.length > device.config.length) return;
        device.config.set(bytes, offset);
        device.configKnown = Math.max(device.configKnown, offset + bytes.length);
        return;
      }
      case 'vqueue-response':
        this.device(message.devNum).queueSizes.set(message.vqueue.index, message.vqueue.maxSize);
        return;
      case 'vq-used':
        for (const buffer of buffers) {
          if (buffer.kind !== 'response' || buffer.request?.type !== MSG.GET_LINE_NAMES) continue;
          if (buffer.bytes[0] === RESPONSE.OK) this.device(message.devNum).names = buffer.bytes.slice(1);
        }
    }
  }

  /** Undefined where the trace does not hold the bring-up of a GPIO controller. */
  description(): BootDescription | undefined {
    if (this.hello === undefined) return undefined;
    const controllers = new Map<number, ControllerDescription>();
    for (const [devNum, device] of this.devices) {
      const controller = device.isGpio ? controllerOf(device) : undefined;
      if (controller !== undefined) controllers.set(devNum, controller);
    }
    if (controllers.size === 0) return undefined;
    const { ident, maxMsgSize, busFeatures } = this.hello;
    const has = (bit: number): boolean => (busFeatures & bit) !== 0;
    return {
      ident,
      maxMsgSize,
      busFeatures: {
        time: has(BUS_FEATURE.TIME),
        log: has(BUS_FEATURE.LOG),
        resume: has(BUS_FEATURE.RESUME),
      },
      controllers,
    };
  }

  private device(devNum: number): DeviceAnswers {
    let device = this.devices.get(devNum);
    if (device === undefined) {
      device = {
        isGpio: false,
        featureBits: 0n,
        config: new Uint8Array(0),
        configKnown: 0,
        names: undefined,
        queueSizes: new Map(),
      };
      this.devices.set(devNum, device);
    }
    return device;
  }
}

function controllerOf(device: DeviceAnswers): ControllerDescription | undefined {
  const config = decodeGpioConfig(device.config.subarray(0, device.configKnown));
  if (config === undefined || config.ngpio === 0) return undefined;
  const has = (feature: number): boolean => ((device.featureBits >> BigInt(feature)) & 1n) === 1n;
  const irq = has(FEATURE.IRQ);
  const stamp = irq && has(FEATURE.EVENT_STAMP);
  const namesInConfig = has(FEATURE.NAMES_IN_CONFIG);
  const namesBlock = namesInConfig
    ? device.config.subarray(NAMES_OFFSET)
    : (device.names ?? new Uint8Array(0));
  const queueSize = (index: number): number | undefined => device.queueSizes.get(index) || undefined;
  return {
    lineCount: config.ngpio,
    names: decodeNames(namesBlock, config.ngpio).names,
    features: { irq, stamp, queue: stamp && has(FEATURE.EVENT_QUEUE), namesInConfig },
    eventDepth: has(FEATURE.EVENT_QUEUE) ? config.eventDepth : undefined,
    requestQueueSize: queueSize(REQUESTQ),
    eventQueueSize: queueSize(EVENTQ),
  };
}
