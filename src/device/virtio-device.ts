/**
 * The two faces between a virtio device model and whatever carries its queues: the in-band bus
 * (device/virtio-msg) or the split rings of a virtual machine. Neither side knows more of the other.
 */

/** A device model as a transport sees it. */
export interface VirtioDevice {
  /** Device ID of the specification: 41 for GPIO. */
  readonly deviceId: number;
  readonly vendorId: number;
  /** Feature bits offered, bit n of the specification as bit n here; below 64. */
  readonly offeredFeatures: bigint;
  /** Largest size of each queue; their number is the number of queues. */
  readonly maxQueueSizes: readonly number[];
  /** Whether buffers can be forgotten and all else kept ({@link forgetBuffers}): the bus may resume. */
  readonly resumable: boolean;
  /** The configuration space, whole. */
  readonly config: Uint8Array;
  /** Grows with each change of {@link config}. */
  readonly configGeneration: number;

  /** Whether the model works with this subset of the offered features (FEATURES_OK). */
  acceptsFeatures(features: bigint): boolean;
  /** Whether the queue exists with the features that were accepted. */
  hasQueue(queue: number, features: bigint): boolean;
  /** DRIVER_OK: from here on buffers come, and are returned through `queues`. */
  start(features: bigint, queues: DeviceQueues): void;
  /** Status 0: back to the state after power-up; no buffer of before is returned. */
  reset(): void;
  /** A resume: forgets every buffer, keeps all other state. */
  forgetBuffers(): void;
  /** RESET_VQUEUE: forgets the buffers of one queue, nothing else. */
  resetQueue(queue: number): void;
  /**
   * The driver made a buffer available: its device-readable part is `bytes` from `at` on,
   * `outLength` long, and up to `inLength` bytes may come back. Never throws; `bytes` is not kept.
   */
  bufferAvailable(
    queue: number,
    id: number,
    inLength: number,
    bytes: Uint8Array,
    at: number,
    outLength: number,
  ): void;
  /** {@link DeviceQueues.canReturnEvent} may have become true. */
  pump(): void;
}

/** Where a device model returns buffers to. */
export interface DeviceQueues {
  /** The largest device-written part that can be returned at all. */
  readonly maxReturn: number;
  /**
   * Whether the channel takes one more event now. An edge becomes a returned buffer only then;
   * until it does it is a kept edge. Everything else is returned regardless, and waits in order.
   */
  canReturnEvent(): boolean;
  /** Returns a buffer with these bytes, which are copied. Buffers leave in the order of the calls. */
  returnBuffer(queue: number, id: number, bytes: Uint8Array): void;
}
