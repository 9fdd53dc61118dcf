import { putU16, u16 } from '../bytes.js';
import { BUS, HEADER_LENGTH, newMessage, putHeader } from './header.js';

/**
 * VQ_AVAIL and VQ_USED, the messages that carry virtqueue buffers in band (docs/protocol.md, "Queue
 * messages"). They carry every edge, so they are read in place: a decoded message keeps the
 * packet, and {@link forEachAvail} and {@link forEachUsed} hand out positions in it.
 */

/** Bytes before the first element: header, dev_num, vq, count. */
export const QUEUE_MESSAGE_OVERHEAD = HEADER_LENGTH + 4;
/** Bytes of a VQ_AVAIL element without its `out`. */
export const AVAIL_ELEMENT_OVERHEAD = 6;
/** Bytes of a VQ_USED element without its `in`. */
export const USED_ELEMENT_OVERHEAD = 4;
/** `count` is one byte. */
export const MAX_ELEMENTS = 255;

/** Whole and checked; walk it with {@link forEachAvail}. */
export interface VqAvail {
  readonly type: 'vq-avail';
  readonly devNum: number;
  readonly vq: number;
  readonly count: number;
  readonly packet: Uint8Array;
}

/** Whole and checked; walk it with {@link forEachUsed}. */
export interface VqUsed {
  readonly type: 'vq-used';
  readonly devNum: number;
  readonly vq: number;
  readonly count: number;
  readonly packet: Uint8Array;
}

/** Checks that every element lies inside the message; undefined when one is cut. */
export function decodeQueueMessage(
  type: 'vq-avail' | 'vq-used',
  packet: Uint8Array,
  size: number,
): VqAvail | VqUsed | undefined {
  if (size < QUEUE_MESSAGE_OVERHEAD) return undefined;
  const overhead = type === 'vq-avail' ? AVAIL_ELEMENT_OVERHEAD : USED_ELEMENT_OVERHEAD;
  const count = packet[11]!;
  let at = QUEUE_MESSAGE_OVERHEAD;
  for (let i = 0; i < count; i++) {
    if (at + overhead > size) return undefined;
    at += overhead + u16(packet, at + overhead - 2);
    if (at > size) return undefined;
  }
  return { type, devNum: u16(packet, 8), vq: packet[10]!, count, packet };
}

/** Calls `visit(id, inLen, outAt, outLen)` for each buffer; `out` lies at `outAt` in the packet. */
export function forEachAvail(
  message: VqAvail,
  visit: (id: number, inLen: number, outAt: number, outLen: number) => void,
): void {
  const { packet, count } = message;
  let at = QUEUE_MESSAGE_OVERHEAD;
  for (let i = 0; i < count; i++) {
    const outLen = u16(packet, at + 4);
    visit(u16(packet, at), u16(packet, at + 2), at + AVAIL_ELEMENT_OVERHEAD, outLen);
    at += AVAIL_ELEMENT_OVERHEAD + outLen;
  }
}

/** Calls `visit(id, inAt, len)` for each returned buffer; `in` lies at `inAt` in the packet. */
export function forEachUsed(message: VqUsed, visit: (id: number, inAt: number, len: number) => void): void {
  const { packet, count } = message;
  let at = QUEUE_MESSAGE_OVERHEAD;
  for (let i = 0; i < count; i++) {
    const len = u16(packet, at + 2);
    visit(u16(packet, at), at + USED_ELEMENT_OVERHEAD, len);
    at += USED_ELEMENT_OVERHEAD + len;
  }
}

/** Collects elements of one queue into messages of at most `maxSize` bytes. */
abstract class QueueMessageBuilder {
  protected readonly scratch: Uint8Array;
  protected at = QUEUE_MESSAGE_OVERHEAD;
  /** Elements collected so far. */
  count = 0;

  constructor(
    private readonly id: number,
    private readonly devNum: number,
    private readonly vq: number,
    private readonly maxSize: number,
  ) {
    this.scratch = new Uint8Array(maxSize);
  }

  /** Whether an element of `length` bytes, its overhead included, still fits within `limit`. */
  fits(length: number, limit: number): boolean {
    return this.count < MAX_ELEMENTS && this.at + length <= Math.min(limit, this.maxSize);
  }

  /** The message with what was collected; the builder is empty again. */
  take(): Uint8Array {
    const packet = this.scratch.slice(0, this.at);
    putHeader(packet, true, false, this.id, 0, 0);
    putU16(packet, 8, this.devNum);
    packet[10] = this.vq;
    packet[11] = this.count;
    this.at = QUEUE_MESSAGE_OVERHEAD;
    this.count = 0;
    return packet;
  }
}

export class VqAvailBuilder extends QueueMessageBuilder {
  constructor(devNum: number, vq: number, maxSize: number) {
    super(BUS.VQ_AVAIL, devNum, vq, maxSize);
  }

  /** Adds a buffer; false when the message is full (take it first). `limit` narrows the size. */
  add(id: number, inLen: number, out: Uint8Array, limit: number = Number.POSITIVE_INFINITY): boolean {
    if (!this.fits(AVAIL_ELEMENT_OVERHEAD + out.length, limit)) return false;
    this.head(id, inLen, out.length);
    this.scratch.set(out, this.at);
    this.at += out.length;
    return true;
  }

  /** As {@link add} for an event buffer, whose `out` is one le16 line number (virtio-gpio, eventq). */
  addLine(id: number, inLen: number, line: number, limit: number = Number.POSITIVE_INFINITY): boolean {
    if (!this.fits(AVAIL_ELEMENT_OVERHEAD + 2, limit)) return false;
    this.head(id, inLen, 2);
    putU16(this.scratch, this.at, line);
    this.at += 2;
    return true;
  }

  private head(id: number, inLen: number, outLen: number): void {
    putU16(this.scratch, this.at, id);
    putU16(this.scratch, this.at + 2, inLen);
    putU16(this.scratch, this.at + 4, outLen);
    this.at += AVAIL_ELEMENT_OVERHEAD;
    this.count++;
  }
}

export class VqUsedBuilder extends QueueMessageBuilder {
  constructor(devNum: number, vq: number, maxSize: number) {
    super(BUS.VQ_USED, devNum, vq, maxSize);
  }

  /** Adds a returned buffer; false when the message is full (take it first). `limit` narrows the size. */
  add(id: number, bytes: Uint8Array, limit: number = Number.POSITIVE_INFINITY): boolean {
    const at = this.reserve(id, bytes.length, limit);
    if (at < 0) return false;
    this.scratch.set(bytes, at);
    return true;
  }

  /**
   * Adds a returned buffer of `length` bytes and returns where in {@link bytes} they are to be
   * written, or -1 when the message is full.
   */
  reserve(id: number, length: number, limit: number = Number.POSITIVE_INFINITY): number {
    if (!this.fits(USED_ELEMENT_OVERHEAD + length, limit)) return -1;
    putU16(this.scratch, this.at, id);
    putU16(this.scratch, this.at + 2, length);
    const at = this.at + USED_ELEMENT_OVERHEAD;
    this.at = at + length;
    this.count++;
    return at;
  }

  /** What {@link reserve} points into. */
  get bytes(): Uint8Array {
    return this.scratch;
  }
}

/** A VQ_AVAIL with these buffers, whatever its size. */
export function encodeVqAvail(
  devNum: number,
  vq: number,
  buffers: readonly { readonly id: number; readonly inLen: number; readonly out: Uint8Array }[],
): Uint8Array {
  const builder = new VqAvailBuilder(
    devNum,
    vq,
    buffers.reduce(
      (size, buffer) => size + AVAIL_ELEMENT_OVERHEAD + buffer.out.length,
      QUEUE_MESSAGE_OVERHEAD,
    ),
  );
  for (const buffer of buffers) builder.add(buffer.id, buffer.inLen, buffer.out);
  return builder.take();
}

/** A VQ_USED with these buffers, whatever its size. */
export function encodeVqUsed(
  devNum: number,
  vq: number,
  buffers: readonly { readonly id: number; readonly in: Uint8Array }[],
): Uint8Array {
  const builder = new VqUsedBuilder(
    devNum,
    vq,
    buffers.reduce((size, buffer) => size + USED_ELEMENT_OVERHEAD + buffer.in.length, QUEUE_MESSAGE_OVERHEAD),
  );
  for (const buffer of buffers) builder.add(buffer.id, buffer.in);
  return builder.take();
}

/** BUS_LOG: `level` as syslog's (0 emergency .. 7 debug). */
export function encodeLog(level: number, text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  const packet = newMessage(true, false, BUS.LOG, 0, 0, 2 + bytes.length);
  packet[8] = level;
  packet.set(bytes, 10);
  return packet;
}
