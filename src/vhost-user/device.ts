/**
 * The two faces between a virtio device model and vhost-user, which carries its queues to a guest.
 * They are those of device/virtio-device.ts as far as both go, so that the same model serves either
 * way; this room knows no device type.
 */

/** A device model as a vhost-user back end sees it. */
export interface VhostUserDevice {
  /**
   * Feature bits of the device type (0 to 23, 50 to 63), bit n of the specification as bit n here.
   * What else is set is left out: the bits between say what the room can do.
   */
  readonly offeredFeatures: bigint;
  /** Largest size of each queue, a power of 2 up to 32,768; their number is the number of queues. */
  readonly maxQueueSizes: readonly number[];
  /** The configuration space, whole, at most 256 bytes of it are read. */
  readonly config: Uint8Array;
  /** Bytes that the room keeps for the model over a death of this process ({@link DriverState}); 0 by default. */
  readonly keptLength?: number;

  /** Whether the model works with this subset of the offered features. */
  acceptsFeatures(features: bigint): boolean;
  /**
   * A driver is there: from here on buffers come, and are returned through `queues`. Comes after
   * {@link reset}, or first of all.
   */
  start(features: bigint, queues: VhostUserQueues, driver: DriverState): void;
  /** The driver is gone, or begins anew: back to the state after power-up; no buffer of before is returned. */
  reset(): void;
  /**
   * A queue stopped while the driver goes on (the guest is paused, or its hypervisor comes back):
   * forgets its buffers, nothing else. Those that were not returned are offered again.
   */
  resetQueue(queue: number): void;
  /**
   * The driver made a buffer available: its device-readable part is `bytes` from `at` on,
   * `outLength` long, and up to `inLength` bytes may come back. Never throws; `bytes` is not kept.
   * It is a copy: the guest cannot change it meanwhile.
   */
  bufferAvailable(
    queue: number,
    id: number,
    inLength: number,
    bytes: Uint8Array,
    at: number,
    outLength: number,
  ): void;
}

/** Where a device model returns buffers to. */
export interface VhostUserQueues {
  /** The largest device-written part that can be returned at all. */
  readonly maxReturn: number;
  /** Always true: a buffer is memory of the guest, which needs no room. */
  canReturnEvent(): boolean;
  /**
   * Returns a buffer with these bytes, which are copied; at most its `inLength` of them. Buffers leave
   * in the order of the calls. One that is not outstanding (any more) is ignored and counted.
   */
  returnBuffer(queue: number, id: number, bytes: Uint8Array): void;
}

/** What is known of a driver that starts. */
export interface DriverState {
  /**
   * The driver was brought up before and goes on: this process died and is back, or the connection
   * to the hypervisor broke. The buffers it waits for are offered again right after `start`.
   */
  readonly resumed: boolean;
  /**
   * `keptLength` bytes that the model may write at any time until the next {@link VhostUserDevice.reset}:
   * what it needs to go on for the same driver. Zeros, unless `resumed`; then what was written last.
   */
  readonly kept: Uint8Array;
}
