import { BridgeError } from '../base/errors.js';
import { u16 } from '../wire/bytes.js';
import {
  EVENTQ,
  encodeGpioConfig,
  encodeNames,
  FEATURE,
  IRQ_TYPE,
  MAX_EVENT_DEPTH,
  NAMES_OFFSET,
  REQUESTQ,
  VIRTIO_ID_GPIO,
} from '../wire/virtio-gpio.js';
import { type EdgeStats, newEdgeStats } from './event-line.js';
import { EventLines } from './event-lines.js';
import { GpioRequests } from './gpio-requests.js';
import type { DirectionValue, LevelBit, LineBackend, LineState } from './line-backend.js';
import type { DeviceQueues, VirtioDevice } from './virtio-device.js';

/** What a GPIO device offers of the optional parts of its protocol. */
export interface GpioFeatures {
  /** VIRTIO_GPIO_F_IRQ */
  readonly irq: boolean;
  /** VIRTIO_GPIO_F_EVENT_STAMP; needs irq */
  readonly stamp: boolean;
  /** VIRTIO_GPIO_F_EVENT_QUEUE; needs stamp */
  readonly queue: boolean;
  /** VIRTIO_GPIO_F_NAMES_IN_CONFIG */
  readonly namesInConfig: boolean;
}

export interface GpioDeviceOptions {
  /** 1..65535 */
  readonly lineCount: number;
  /** By offset, 7-bit ASCII, unique; undefined or '': unnamed. */
  readonly names?: readonly (string | undefined)[];
  readonly features: GpioFeatures;
  /** With EVENT_QUEUE: buffers and kept edges of a line, 1..1024. */
  readonly eventDepth?: number;
  /** Largest queues the driver may ask for. */
  readonly requestQueueSize?: number;
  readonly eventQueueSize?: number;
  readonly backend: LineBackend;
  /** The device clock: nanoseconds, monotonic, from 0 at start. */
  readonly now: () => number;
  /** Where each line's edges are counted, to go on counting over restarts; by default fresh ones. */
  readonly stats?: readonly EdgeStats[];
}

const DEFAULT_REQUEST_QUEUE_SIZE = 256;
const DEFAULT_EVENT_QUEUE_SIZE = 1024;
const DEFAULT_EVENT_DEPTH = 1024;
const MAX_LINES = 65535;

const bit = (feature: number): bigint => 1n << BigInt(feature);

/**
 * The virtio-gpio device model (OASIS virtio 1.4 "GPIO Device", held to D1..D22 of its
 * conformance checklist; in-band bus "GPIO over this bus" and "Extensions"). It drives lines
 * through a {@link LineBackend}, learns of edges by {@link edge}, and is served to a driver by any
 * transport that speaks {@link VirtioDevice}.
 */
export class GpioDevice implements VirtioDevice {
  readonly deviceId = VIRTIO_ID_GPIO;
  readonly vendorId = 0;
  readonly resumable = true;
  readonly configGeneration = 0;
  readonly offeredFeatures: bigint;
  readonly maxQueueSizes: readonly number[];
  readonly config: Uint8Array;
  readonly lineCount: number;

  private readonly eventDepth: number;
  private readonly events: EventLines;
  private readonly requests: GpioRequests;

  /** Throws INVALID_ARGUMENT. */
  constructor(options: GpioDeviceOptions) {
    const { lineCount, features, names = [] } = options;
    this.eventDepth = options.eventDepth ?? DEFAULT_EVENT_DEPTH;
    checkOptions(options, this.eventDepth);
    this.lineCount = lineCount;
    const namesBlock = encodeNames(names, lineCount);
    this.offeredFeatures = offered(features);
    this.config = configSpace(lineCount, namesBlock, features, this.eventDepth);
    const requestQueueSize = options.requestQueueSize ?? DEFAULT_REQUEST_QUEUE_SIZE;
    const eventQueueSize = options.eventQueueSize ?? Math.max(DEFAULT_EVENT_QUEUE_SIZE, lineCount);
    this.maxQueueSizes = features.irq ? [requestQueueSize, eventQueueSize] : [requestQueueSize];
    const stats = options.stats ?? Array.from({ length: lineCount }, newEdgeStats);
    const { backend } = options;
    const refreshLevel = backend.refreshLevel === undefined ? undefined : backend.refreshLevel.bind(backend);
    this.events = new EventLines(stats, options.now, refreshLevel);
    this.requests = new GpioRequests(lineCount, namesBlock, backend, this.events);
  }

  /**
   * The line changed to `level` at `timeNs` of the device clock. Times of one line do not go back.
   * `missedBefore` edges of the enabled type are known to have happened before it, and no more of them.
   */
  edge(line: number, level: number, timeNs: number, missedBefore = 0): void {
    this.events.edge(line, level, timeNs, missedBefore);
  }

  /** Tells the present level where no edge was sensed: at start, or when an output was driven. */
  setLevel(line: number, level: number): void {
    this.events.setLevel(line, level);
  }

  /**
   * Counts edges of the enabled type that happened and of which nothing else is known; told as soon as
   * a buffer is queued, or with `tellNow` false by the next edge, or when the interrupt is disabled.
   */
  missed(line: number, count: number, tellNow = true): void {
    this.events.missed(line, count, tellNow);
  }

  /** What the driver has made of a line. */
  stateOf(line: number): LineState {
    return {
      direction: this.requests.directionOf(line) as DirectionValue,
      value: this.requests.valueOf(line),
      irqType: this.events.typeOf(line),
    };
  }

  /**
   * After {@link start}: the driver made the line this before, and does not know that the device began
   * anew. The backend is not asked: it is the caller's to restore.
   */
  restore(line: number, state: LineState): void {
    this.requests.restore(line, state);
    if (state.irqType !== IRQ_TYPE.NONE) this.events.enable(line, state.irqType);
  }

  /** DIRECTION of a line. */
  directionOf(line: number): number {
    return this.requests.directionOf(line);
  }

  /** IRQ_TYPE of a line. */
  interruptTypeOf(line: number): number {
    return this.events.typeOf(line);
  }

  /** The level after the last edge of the line, or told by {@link setLevel}; 0 before any. */
  levelOf(line: number): LevelBit {
    return this.events.levelOf(line) as LevelBit;
  }

  /** Whether all that was sensed on the line, and was to be told, has been returned to the driver. */
  isSettled(line: number): boolean {
    return this.events.isSettled(line);
  }

  /** Edges of the line that wait for a buffer or for the channel. */
  keptOf(line: number): number {
    return this.events.keptOf(line);
  }

  statsOf(line: number): Readonly<EdgeStats> {
    return this.events.statsOf(line);
  }

  acceptsFeatures(features: bigint): boolean {
    if ((features & bit(FEATURE.EVENT_QUEUE)) === 0n) return true;
    return (features & bit(FEATURE.EVENT_STAMP)) !== 0n;
  }

  hasQueue(queue: number, features: bigint): boolean {
    return queue === REQUESTQ || (queue === EVENTQ && (features & bit(FEATURE.IRQ)) !== 0n);
  }

  start(features: bigint, queues: DeviceQueues): void {
    const stamped = (features & bit(FEATURE.EVENT_STAMP)) !== 0n;
    const queued = (features & bit(FEATURE.EVENT_QUEUE)) !== 0n;
    this.events.start({ stamped, depth: queued ? this.eventDepth : 1 }, queues);
    this.requests.start((features & bit(FEATURE.IRQ)) !== 0n, queues);
  }

  reset(): void {
    this.events.reset();
    this.requests.reset();
  }

  forgetBuffers(): void {
    this.events.forgetBuffers(true);
    this.requests.forgetBuffers();
  }

  resetQueue(queue: number): void {
    if (queue === EVENTQ) this.events.forgetBuffers(false);
    else this.requests.forgetBuffers();
  }

  bufferAvailable(
    queue: number,
    id: number,
    inLength: number,
    bytes: Uint8Array,
    at: number,
    outLength: number,
  ): void {
    if (queue === REQUESTQ) {
      this.requests.handle(id, inLength, bytes, at, outLength);
      return;
    }
    const line = outLength < 2 ? this.lineCount : u16(bytes, at);
    if (line >= this.lineCount || inLength < this.events.responseLength) {
      this.events.refuseBuffer(id, inLength);
    } else {
      this.events.bufferAvailable(line, id);
    }
  }

  pump(): void {
    this.events.pump();
  }
}

function offered(features: GpioFeatures): bigint {
  let bits = bit(FEATURE.VERSION_1) | bit(FEATURE.RING_RESET);
  if (features.irq) bits |= bit(FEATURE.IRQ);
  if (features.stamp) bits |= bit(FEATURE.EVENT_STAMP);
  if (features.queue) bits |= bit(FEATURE.EVENT_QUEUE);
  if (features.namesInConfig) bits |= bit(FEATURE.NAMES_IN_CONFIG);
  return bits;
}

function configSpace(
  ngpio: number,
  names: Uint8Array,
  features: GpioFeatures,
  eventDepth: number,
): Uint8Array {
  const head = encodeGpioConfig({
    ngpio,
    gpioNamesSize: names.length,
    ...(features.queue ? { eventDepth } : {}),
  });
  if (!features.namesInConfig) return head;
  const config = new Uint8Array(NAMES_OFFSET + names.length);
  config.set(head, 0);
  config.set(names, NAMES_OFFSET);
  return config;
}

function checkOptions(options: GpioDeviceOptions, eventDepth: number): void {
  const { lineCount, features, names = [] } = options;
  const fail = (message: string): never => {
    throw new BridgeError('INVALID_ARGUMENT', message);
  };
  if (!Number.isInteger(lineCount) || lineCount < 1 || lineCount > MAX_LINES) {
    fail(`${lineCount} lines: a GPIO device has 1 to ${MAX_LINES}`);
  }
  if (!Number.isInteger(eventDepth) || eventDepth < 1 || eventDepth > MAX_EVENT_DEPTH) {
    fail(`an event depth of ${eventDepth}: it is 1 to ${MAX_EVENT_DEPTH}`);
  }
  if (features.stamp && !features.irq) fail(`feature 'stamp' needs 'irq': offer both, or neither`);
  if (features.queue && !features.stamp) fail(`feature 'queue' needs 'stamp': offer both, or neither`);
  checkNames(names, lineCount, fail);
}

function checkNames(
  names: readonly (string | undefined)[],
  lineCount: number,
  fail: (message: string) => never,
): void {
  if (names.length > lineCount) fail(`${names.length} names for ${lineCount} lines: leave some out`);
  const seen = new Map<string, number>();
  names.forEach((name, line) => {
    if (name === undefined || name === '') return;
    if (!/^[\x20-\x7e]+$/.test(name)) {
      fail(`the name of line ${line}, ${JSON.stringify(name)}, is not printable ASCII`);
    }
    const first = seen.get(name);
    if (first !== undefined) fail(`lines ${first} and ${line} are both named '${name}': names are unique`);
    seen.set(name, line);
  });
}
