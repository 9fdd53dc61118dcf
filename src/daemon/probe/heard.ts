import { FrameSplitter } from '../../link/serial/frame-splitter.js';
import type { DiscardedFrame, SerialFrame } from '../../wire/serial-frame.js';
import { decodeMessage } from '../../wire/virtio-msg/message.js';

/** Bytes and packets kept to look at; what comes after them is only counted. */
const KEPT_BYTES = 512;
const KEPT_PACKETS = 64;

/** All that came from a port, whatever it is. */
export class Heard {
  bytes = 0;
  /** Valid frames of the serial link. */
  frames = 0;
  /** Packets that are no virtio-msg message, the first of them. */
  readonly strangers: Uint8Array[] = [];
  /** What the device takes back to back, as its last RST or RSTACK offered. */
  window: number | undefined;
  /** Of the last BUS_BOOT. */
  bootId: number | undefined;

  private readonly splitter = new FrameSplitter();
  private readonly kept = Buffer.alloc(KEPT_BYTES);

  /** The first bytes that came. */
  get head(): Uint8Array {
    return this.kept.subarray(0, Math.min(this.bytes, KEPT_BYTES));
  }

  take(bytes: Uint8Array): void {
    if (this.bytes < KEPT_BYTES) this.kept.set(bytes.subarray(0, KEPT_BYTES - this.bytes), this.bytes);
    this.bytes += bytes.length;
    this.splitter.push(bytes, this.takeFrame);
  }

  private readonly takeFrame = (frame: SerialFrame | DiscardedFrame): void => {
    if (frame.kind === 'discarded') return;
    this.frames++;
    if (frame.kind === 'rst' || frame.kind === 'rstack') {
      this.window = frame.window;
    } else if (frame.kind === 'data' || frame.kind === 'plain') {
      this.takePacket(frame.payload);
    }
  };

  private takePacket(packet: Uint8Array): void {
    const message = decodeMessage(packet);
    if (message.type === 'boot') this.bootId = message.bootId;
    else if (message.type === 'dropped' && this.strangers.length < KEPT_PACKETS) this.strangers.push(packet);
  }
}
