import type { DiscardedFrame, SerialFrame } from '../wire/serial-frame.js';
import type { Fate } from '../wire/trace/record.js';

/**
 * Is told of everything that crosses a link, for traces. It must not throw, must not call the link,
 * and copies what it keeps: bytes may be written over afterwards.
 */
export interface LinkObserver {
  /** A frame came in the read at `atNs` (CLOCK_MONOTONIC), and what became of it. */
  received(frame: SerialFrame, fate: Fate, atNs: bigint): void;
  /** Bytes came that are no frame. */
  discarded(bytes: DiscardedFrame, atNs: bigint): void;
  /** Frames went to the port in one write; the first `resent` of those with DATA did so before. */
  sent(frames: readonly SerialFrame[], resent: number, atNs: bigint): void;
}
