import { BridgeError } from '../../base/errors.js';
import {
  CONFIG_LENGTH,
  CONFIG_LENGTH_QUEUE,
  decodeGpioConfig,
  EVENTQ,
  MAX_EVENT_DEPTH,
  REQUESTQ,
  STATUS,
  VIRTIO_ID_GPIO,
} from '../../wire/virtio-gpio.js';
import type { BusSession } from './bus-session.js';
import { readConfig } from './config-space.js';
import { type Negotiated, negotiate } from './features.js';

/** The status of a device that is in use. */
export const RUNNING = STATUS.ACKNOWLEDGE | STATUS.DRIVER | STATUS.FEATURES_OK | STATUS.DRIVER_OK;

/** Requests in flight are worth no more than this. */
const MAX_REQUESTQ = 256;
/** Event buffers: ids are 16 bits, and a buffer costs a few bytes. */
const MAX_EVENTQ = 16_384;

/** What bring-up found and agreed with a GPIO device. */
export interface DeviceSetup {
  readonly devNum: number;
  readonly features: Negotiated;
  readonly configSize: number;
  readonly generation: number;
  readonly lineCount: number;
  readonly namesSize: number;
  /** Buffers a line may have outstanding; 1 without EVENT_QUEUE. */
  readonly eventDepth: number;
  readonly requestqSize: number;
  /** 0 without interrupts. */
  readonly eventqSize: number;
  readonly warnings: readonly string[];
}

export type DeviceKind =
  | { readonly kind: 'absent' }
  | { readonly kind: 'gpio' | 'other'; readonly deviceId: number };

/** Brings a device up from status 0 to DRIVER_OK (docs/protocol.md, "Bringing a device up"). */
export async function bringUp(session: BusSession, devNum: number): Promise<DeviceSetup> {
  await setStatus(session, devNum, 0);
  await setStatus(session, devNum, STATUS.ACKNOWLEDGE);
  await setStatus(session, devNum, STATUS.ACKNOWLEDGE | STATUS.DRIVER);
  const info = await deviceInfo(session, devNum);
  const features = await offeredFeatures(session, devNum, info.featureBits);
  await session.calls.call(
    { type: 'set-features-request', devNum, features: { block: 0, bits: features.blocks } },
    'set-features-response',
  );
  await setStatus(session, devNum, STATUS.ACKNOWLEDGE | STATUS.DRIVER | STATUS.FEATURES_OK);
  if (((await getStatus(session, devNum)) & STATUS.FEATURES_OK) === 0) {
    throw broken(devNum, 'does not accept a selection of the features it offers');
  }
  const [shape, sizes] = await Promise.all([
    readShape(session, devNum, features, info.configSize),
    queueSizes(session, devNum, features, 'maxSize'),
  ]);
  const setup = { ...shape, ...limitSizes(sizes, shape.lineCount, shape.eventDepth) };
  await setQueues(session, setup);
  await setStatus(session, devNum, RUNNING);
  return setup;
}

/**
 * Takes over a device that an earlier run of this driver brought up, as it is. Undefined when it
 * is not running: it is to be brought up from status 0.
 */
export async function adopt(session: BusSession, devNum: number): Promise<DeviceSetup | undefined> {
  if ((await getStatus(session, devNum)) !== RUNNING) return undefined;
  const info = await deviceInfo(session, devNum);
  const features = await offeredFeatures(session, devNum, info.featureBits);
  const [shape, sizes] = await Promise.all([
    readShape(session, devNum, features, info.configSize),
    queueSizes(session, devNum, features, 'curSize'),
  ]);
  if (sizes.requestqSize === 0 || (features.irq && sizes.eventqSize === 0)) return undefined;
  return { ...shape, ...sizes };
}

/** What kind of device has this number. */
export async function identify(session: BusSession, devNum: number): Promise<DeviceKind> {
  const { deviceId } = await deviceInfo(session, devNum);
  if (deviceId === 0) return { kind: 'absent' };
  return { kind: deviceId === VIRTIO_ID_GPIO ? 'gpio' : 'other', deviceId };
}

export async function getStatus(session: BusSession, devNum: number): Promise<number> {
  const answer = await session.calls.call({ type: 'status-request', devNum }, 'status-response');
  return answer.status;
}

/** The part of the configuration that describes the controller. Also after EVENT_CONFIG. */
export async function readShape(
  session: BusSession,
  devNum: number,
  features: Negotiated,
  configSize: number,
): Promise<Omit<DeviceSetup, 'requestqSize' | 'eventqSize'>> {
  const wanted = Math.min(configSize, features.queue ? CONFIG_LENGTH_QUEUE : CONFIG_LENGTH);
  const { bytes, generation } = await readConfig(session, devNum, 0, wanted);
  const config = decodeGpioConfig(bytes);
  if (config === undefined) throw broken(devNum, `has a configuration of ${bytes.length} bytes, not 8`);
  if (config.ngpio === 0) throw broken(devNum, 'says that it has no lines');
  const warnings: string[] = [];
  return {
    devNum,
    features,
    configSize,
    generation,
    lineCount: config.ngpio,
    namesSize: config.gpioNamesSize,
    eventDepth: features.queue ? checkedDepth(config.eventDepth, warnings) : 1,
    warnings,
  };
}

function checkedDepth(depth: number | undefined, warnings: string[]): number {
  if (depth !== undefined && depth >= 1 && depth <= MAX_EVENT_DEPTH) return depth;
  const used = depth === undefined || depth === 0 ? 1 : MAX_EVENT_DEPTH;
  warnings.push(`event_depth is ${depth ?? 'missing'}, not 1 to ${MAX_EVENT_DEPTH}: taken as ${used}`);
  return used;
}

async function deviceInfo(session: BusSession, devNum: number) {
  return (await session.calls.call({ type: 'device-info-request', devNum }, 'device-info-response')).info;
}

async function setStatus(session: BusSession, devNum: number, status: number): Promise<void> {
  const answer = await session.calls.call(
    { type: 'set-status-request', devNum, status },
    'set-status-response',
  );
  if (status === 0 && answer.status !== 0) {
    throw broken(devNum, `answered status ${answer.status} to a reset`);
  }
  if ((answer.status & (STATUS.NEEDS_RESET | STATUS.FAILED)) !== 0) {
    throw broken(devNum, `answered status ${answer.status} while it was brought up`);
  }
}

/** What the device offers of what this driver knows. */
export async function offeredFeatures(
  session: BusSession,
  devNum: number,
  featureBits: number,
): Promise<Negotiated> {
  const count = Math.min(2, Math.ceil(featureBits / 32));
  if (count === 0) return negotiate([], session.hasTime);
  const answer = await session.calls.call(
    { type: 'features-request', devNum, block: 0, count },
    'features-response',
  );
  return negotiate(answer.features.bits.slice(0, count), session.hasTime);
}

interface QueueSizes {
  readonly requestqSize: number;
  readonly eventqSize: number;
}

async function queueSizes(
  session: BusSession,
  devNum: number,
  features: Negotiated,
  field: 'maxSize' | 'curSize',
): Promise<QueueSizes> {
  const size = async (index: number): Promise<number> => {
    const answer = await session.calls.call({ type: 'vqueue-request', devNum, index }, 'vqueue-response');
    if (answer.vqueue[field] === 0 && field === 'maxSize') {
      throw broken(devNum, `has no queue ${index}`);
    }
    return Math.min(answer.vqueue[field], 0x8000);
  };
  const [requestqSize, eventqSize] = await Promise.all([size(REQUESTQ), features.irq ? size(EVENTQ) : 0]);
  return { requestqSize, eventqSize };
}

function limitSizes(sizes: QueueSizes, lineCount: number, depth: number): QueueSizes {
  return {
    requestqSize: Math.min(sizes.requestqSize, MAX_REQUESTQ),
    eventqSize: Math.min(sizes.eventqSize, MAX_EVENTQ, lineCount * (depth + 1)),
  };
}

async function setQueues(session: BusSession, setup: DeviceSetup): Promise<void> {
  const { devNum } = setup;
  const set = (index: number, size: number) =>
    session.calls.call({ type: 'set-vqueue-request', devNum, index, size }, 'set-vqueue-response');
  const both = [set(REQUESTQ, setup.requestqSize)];
  if (setup.eventqSize > 0) both.push(set(EVENTQ, setup.eventqSize));
  await Promise.all(both);
}

function broken(devNum: number, what: string): BridgeError {
  return new BridgeError('PROTOCOL_ERROR', `device ${devNum} ${what}`);
}
