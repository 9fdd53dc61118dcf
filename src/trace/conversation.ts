import { u16 } from '../wire/bytes.js';
import {
  decodeGpioRequest,
  decodeStampedIrqResponse,
  EVENTQ,
  type GpioRequest,
  STAMPED_IRQ_RESPONSE_LENGTH,
  type StampedIrqResponse,
} from '../wire/virtio-gpio.js';
import { decodeMessage, type Message } from '../wire/virtio-msg/message.js';
import { forEachAvail, forEachUsed, type VqAvail, type VqUsed } from '../wire/virtio-msg/queue.js';
import { type DialectMessage, DialectSpeech } from './dialect-speech.js';

/** A message, with what can only be told from the messages before it. */
export interface Spoken {
  /** Of virtio-msg, or of a dialect without buffers; `dropped` is none of any. */
  readonly message: Message | DialectMessage;
  /** The buffers of a VQ_AVAIL or VQ_USED. */
  readonly buffers: readonly SpokenBuffer[];
}

export type SpokenBuffer =
  /** VQ_AVAIL on the requestq. */
  | { readonly kind: 'request'; readonly id: number; readonly request: GpioRequest | undefined }
  /** VQ_USED on the requestq; the request is undefined where it was not seen. */
  | {
      readonly kind: 'response';
      readonly id: number;
      readonly request: GpioRequest | undefined;
      /** `{ u8 status; u8 value }`, or `{ u8 status; names }`. */
      readonly bytes: Uint8Array;
    }
  /** VQ_AVAIL on the eventq. */
  | { readonly kind: 'event-buffer'; readonly id: number; readonly line: number | undefined }
  /** VQ_USED on the eventq; the line is undefined where the buffer was not seen. */
  | {
      readonly kind: 'event';
      readonly id: number;
      readonly line: number | undefined;
      readonly status: number;
      /** With EVENT_STAMP. */
      readonly stamp: StampedIrqResponse | undefined;
    };

/**
 * Follows what a driver and a device say to each other, as one that overhears both: remembers which
 * request and which line each outstanding buffer is for. It may begin in the middle; what it did
 * not hear it says it does not know. Memory is bounded by the ids there are.
 */
export class Conversation {
  private readonly requests = new Map<number, GpioRequest | undefined>();
  private readonly lines = new Map<number, number>();
  private readonly dialects = new DialectSpeech();

  /** Takes a packet: `out` from the driver, `in` from the device. Never throws. */
  hear(direction: 'in' | 'out', packet: Uint8Array): Spoken {
    const message = decodeMessage(packet);
    switch (message.type) {
      case 'hello-request':
        this.forgetBuffers();
        return { message, buffers: [] };
      case 'set-status-request':
        if (message.status === 0) this.forgetBuffers(message.devNum);
        return { message, buffers: [] };
      case 'dropped':
        return { message: this.dialects.hear(direction, packet) ?? message, buffers: [] };
      case 'vq-avail':
        return { message, buffers: direction === 'out' ? this.available(message) : [] };
      case 'vq-used':
        return { message, buffers: direction === 'in' ? this.used(message) : [] };
      default:
        return { message, buffers: [] };
    }
  }

  private forgetBuffers(devNum?: number): void {
    for (const memory of [this.requests, this.lines]) {
      for (const key of memory.keys())
        if (devNum === undefined || Math.floor(key / 0x1_0000) === devNum) memory.delete(key);
    }
  }

  private available(message: VqAvail): SpokenBuffer[] {
    const buffers: SpokenBuffer[] = [];
    forEachAvail(message, (id, _inLength, at, length) => {
      const key = keyOf(message.devNum, id);
      if (message.vq === EVENTQ) {
        const line = length < 2 ? undefined : u16(message.packet, at);
        if (line !== undefined) this.lines.set(key, line);
        buffers.push({ kind: 'event-buffer', id, line });
      } else {
        const request = decodeGpioRequest(message.packet.subarray(at, at + length));
        this.requests.set(key, request);
        buffers.push({ kind: 'request', id, request });
      }
    });
    return buffers;
  }

  private used(message: VqUsed): SpokenBuffer[] {
    const buffers: SpokenBuffer[] = [];
    forEachUsed(message, (id, at, length) => {
      const key = keyOf(message.devNum, id);
      if (message.vq === EVENTQ) {
        const line = this.lines.get(key);
        this.lines.delete(key);
        const stamped = length >= STAMPED_IRQ_RESPONSE_LENGTH;
        const stamp = stamped ? decodeStampedIrqResponse(message.packet, at) : undefined;
        buffers.push({ kind: 'event', id, line, status: length === 0 ? 0 : message.packet[at]!, stamp });
      } else {
        const request = this.requests.get(key);
        this.requests.delete(key);
        buffers.push({ kind: 'response', id, request, bytes: message.packet.subarray(at, at + length) });
      }
    });
    return buffers;
  }
}

/** Device numbers and buffer ids have 16 bits each. */
function keyOf(devNum: number, id: number): number {
  return devNum * 0x1_0000 + id;
}
