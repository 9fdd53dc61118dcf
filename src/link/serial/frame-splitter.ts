import { maxStuffedLength } from '../../wire/cobs.js';
import {
  type DiscardedFrame,
  decodeSerialFrameInto,
  FRAME_OVERHEAD,
  MAX_PAYLOAD,
  type SerialFrame,
} from '../../wire/serial-frame.js';

/** Takes each frame, and each run of bytes that is none, in the order of the line. */
export type FrameSink = (frame: SerialFrame | DiscardedFrame) => void;

/** The longest thing between two delimiters that is looked at; what is longer is `long`. */
const MAX_STUFFED = maxStuffedLength(FRAME_OVERHEAD + MAX_PAYLOAD);
/** Up to here decoded bytes come from Node's buffer pool. */
const POOLED = 2048;

/**
 * Cuts a byte stream into frames at each 0x00. Keeps at most one unfinished frame; the bytes up to
 * the next 0x00 are all that a bad frame costs. Payloads are views of memory that nobody else
 * writes to; the bytes of a discarded frame may be views of the chunk given to `push`.
 */
export class FrameSplitter {
  /** Packets above this are discarded as `long`: what the session agreed on. */
  maxPayload = MAX_PAYLOAD;

  private readonly kept = Buffer.allocUnsafeSlow(MAX_STUFFED);
  private keptLength = 0;
  /** The unfinished frame is too long already: its further bytes are not kept. */
  private overlong = false;

  /** Takes the bytes of one read. */
  push(bytes: Uint8Array, sink: FrameSink): void {
    const chunk = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let delimiter = chunk.indexOf(0);
    let from = 0;
    if (delimiter >= 0 && (this.keptLength > 0 || this.overlong)) {
      this.finishKept(chunk, delimiter, sink);
      from = delimiter + 1;
      delimiter = chunk.indexOf(0, from);
    }
    if (delimiter >= 0) from = this.splitChunk(chunk, from, delimiter, sink);
    this.keep(chunk, from, chunk.length);
  }

  /** Forgets the unfinished frame. */
  reset(): void {
    this.keptLength = 0;
    this.overlong = false;
  }

  /** Decodes the frames that lie whole in the chunk into one new buffer; returns where the rest begins. */
  private splitChunk(chunk: Buffer, start: number, firstDelimiter: number, sink: FrameSink): number {
    const space = chunk.length - start;
    const decoded = space <= POOLED ? Buffer.allocUnsafe(space) : Buffer.allocUnsafeSlow(space);
    let from = start;
    let delimiter = firstDelimiter;
    while (delimiter >= 0) {
      if (delimiter > from) {
        const tooLong = delimiter - from > MAX_STUFFED;
        sink(
          tooLong
            ? { kind: 'discarded', reason: 'long', bytes: chunk.subarray(from, from + MAX_STUFFED) }
            : decodeSerialFrameInto(chunk, from, delimiter, decoded, from - start, this.maxPayload),
        );
      }
      from = delimiter + 1;
      delimiter = chunk.indexOf(0, from);
    }
    return from;
  }

  private finishKept(chunk: Buffer, delimiter: number, sink: FrameSink): void {
    this.keep(chunk, 0, delimiter);
    const length = this.keptLength;
    const overlong = this.overlong;
    this.reset();
    if (overlong) {
      sink({ kind: 'discarded', reason: 'long', bytes: Buffer.from(this.kept.subarray(0, length)) });
      return;
    }
    const frame = decodeSerialFrameInto(this.kept, 0, length, Buffer.allocUnsafe(length), 0, this.maxPayload);
    sink(frame.kind === 'discarded' ? { ...frame, bytes: Buffer.from(frame.bytes) } : frame);
  }

  private keep(chunk: Buffer, from: number, to: number): void {
    const fits = Math.min(to - from, MAX_STUFFED - this.keptLength);
    if (fits < to - from) this.overlong = true;
    chunk.copy(this.kept, this.keptLength, from, from + fits);
    this.keptLength += fits;
  }
}
