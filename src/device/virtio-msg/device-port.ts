import { FEATURE, STATUS } from '../../wire/virtio-gpio.js';
import { QUEUE_MESSAGE_OVERHEAD, USED_ELEMENT_OVERHEAD } from '../../wire/virtio-msg/queue.js';
import type { DeviceQueues, VirtioDevice } from '../virtio-device.js';
import type { BusCounters, BusDrop } from './counters.js';
import { OpenMessage, type Outbox } from './outbox.js';
import { QueueState } from './queue-state.js';

const KNOWN_BLOCKS = 2;
const RING_RESET = 1n << BigInt(FEATURE.RING_RESET);

/** One device on the bus: its status machine, features and queues, in front of the device model. */
export class DevicePort implements DeviceQueues {
  status = 0;
  /** As SET_DRIVER_FEATURES left them, two blocks of 32 bits. */
  private readonly driverBlocks = new Uint32Array(KNOWN_BLOCKS);
  /** Blocks beyond those in which the driver set a bit. */
  private readonly foreignBlocks = new Set<number>();
  private readonly queues: readonly QueueState[];
  private messages: readonly OpenMessage[] = [];
  private eventMessage: OpenMessage | undefined;
  private outbox: Outbox | undefined;
  private maxMsgSize = 0;

  constructor(
    readonly devNum: number,
    readonly device: VirtioDevice,
    private readonly counters: BusCounters,
  ) {
    this.queues = device.maxQueueSizes.map((maxSize) => new QueueState(maxSize));
  }

  /** The channel on which buffers are returned, and the size agreed on in HELLO. */
  connect(outbox: Outbox | undefined, maxMsgSize: number): void {
    this.outbox = outbox;
    this.maxMsgSize = maxMsgSize;
    this.messages =
      outbox === undefined ? [] : this.queues.map((_, vq) => new OpenMessage(this.devNum, vq, maxMsgSize));
    this.eventMessage = this.messages[this.messages.length - 1];
  }

  // Status and features

  get driverOk(): boolean {
    return (this.status & STATUS.DRIVER_OK) !== 0;
  }

  /** SET_DEVICE_STATUS; returns the status as it is then. */
  setStatus(wanted: number): number {
    if (wanted === 0) {
      this.reset();
      return 0;
    }
    const bits = wanted & (STATUS.ACKNOWLEDGE | STATUS.DRIVER | STATUS.FAILED);
    this.status |= bits;
    if ((wanted & STATUS.FEATURES_OK) !== 0 && this.featuresAcceptable) this.status |= STATUS.FEATURES_OK;
    const mayStart = (this.status & STATUS.FEATURES_OK) !== 0 && !this.driverOk;
    if ((wanted & STATUS.DRIVER_OK) !== 0 && mayStart) {
      this.status |= STATUS.DRIVER_OK;
      this.device.start(this.driverFeatures, this);
    }
    return this.status;
  }

  /** SET_DRIVER_FEATURES replaces the blocks it names; after FEATURES_OK nothing changes any more. */
  setFeatures(block: number, bits: readonly number[]): void {
    if ((this.status & STATUS.FEATURES_OK) !== 0) return;
    bits.forEach((value, i) => {
      if (block + i < KNOWN_BLOCKS) this.driverBlocks[block + i] = value;
      else if (value !== 0) this.foreignBlocks.add(block + i);
      else this.foreignBlocks.delete(block + i);
    });
  }

  /** Back to the state after power-up (status 0). */
  reset(): void {
    this.status = 0;
    this.driverBlocks.fill(0);
    this.foreignBlocks.clear();
    for (const queue of this.queues) queue.reset();
    this.device.reset();
    this.counters.device_resets!++;
  }

  /** A resume: every outstanding buffer is forgotten. */
  resume(): void {
    for (const queue of this.queues) queue.forget();
    this.device.forgetBuffers();
  }

  /** The device can go on only after a reset. */
  needsReset(): void {
    this.status |= STATUS.NEEDS_RESET;
  }

  private get driverFeatures(): bigint {
    return (BigInt(this.driverBlocks[1]!) << 32n) | BigInt(this.driverBlocks[0]!);
  }

  private get featuresAcceptable(): boolean {
    const features = this.driverFeatures;
    if (this.foreignBlocks.size > 0 || (features & ~this.device.offeredFeatures) !== 0n) return false;
    return this.device.acceptsFeatures(features);
  }

  // Queues

  queue(index: number): QueueState | undefined {
    return this.queues[index];
  }

  /** SET_VQUEUE; a size out of range changes nothing. */
  setQueue(index: number, size: number): void {
    if (!this.driverOk) this.queues[index]?.resize(size);
  }

  /** RESET_VQUEUE; false when RING_RESET was not negotiated. */
  resetQueue(index: number): boolean {
    if (!this.driverOk || (this.driverFeatures & RING_RESET) === 0n) return false;
    const queue = this.queues[index];
    if (queue === undefined) return false;
    queue.forget();
    this.device.resetQueue(index);
    return true;
  }

  /** Why no buffer of this queue is taken now, if so. */
  refusal(index: number): BusDrop | undefined {
    if (!this.driverOk || (this.status & STATUS.NEEDS_RESET) !== 0) return 'not_driver_ok';
    const queue = this.queues[index];
    if (queue === undefined || queue.size === 0 || !this.device.hasQueue(index, this.driverFeatures)) {
      return 'unknown_queue';
    }
    return undefined;
  }

  /** A buffer of VQ_AVAIL, on a queue that is not refused. */
  available(
    index: number,
    id: number,
    inLength: number,
    bytes: Uint8Array,
    at: number,
    outLength: number,
  ): void {
    const fault = this.queues[index]!.take(id);
    if (fault === undefined) this.device.bufferAvailable(index, id, inLength, bytes, at, outLength);
    else this.counters[`dropped_${fault}`]!++;
  }

  // DeviceQueues

  get maxReturn(): number {
    return this.maxMsgSize - QUEUE_MESSAGE_OVERHEAD - USED_ELEMENT_OVERHEAD;
  }

  canReturnEvent(): boolean {
    return this.outbox?.takesEvent(this.eventMessage!, EVENT_ROOM) ?? false;
  }

  returnBuffer(index: number, id: number, bytes: Uint8Array): void {
    this.queues[index]!.give(id);
    const { outbox } = this;
    if (outbox === undefined) return;
    const message = this.messages[index]!;
    if (message.isOpen) {
      if (outbox.addBuffer(message, id, bytes)) return;
      outbox.closeMessage(message);
    } else {
      for (const other of this.messages) outbox.closeMessage(other);
    }
    outbox.addBuffer(message, id, bytes);
    outbox.openMessage(message);
  }
}

/** The longest event response; a shorter one fits as well. */
const EVENT_ROOM = 16;
