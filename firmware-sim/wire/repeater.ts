import { maxStuffedLength } from '../../src/wire/cobs.js';
import { FRAME_OVERHEAD, MAX_PAYLOAD } from '../../src/wire/serial-frame.js';
import type { Random } from '../random.js';
import type { WireFaultCounters, WireFaultState } from './fault-state.js';

/** What is longer between two delimiters is no frame, and is never repeated. */
const MAX_FRAME = maxStuffedLength(FRAME_OVERHEAD + MAX_PAYLOAD) + 1;

/** Repeats frames of one direction whole, right behind themselves. Keeps at most one unfinished frame. */
export class Repeater {
  private readonly frame = new Uint8Array(MAX_FRAME);
  /** Bytes of the unfinished frame, kept or not. */
  private length = 0;
  /** Whether the start of the unfinished frame was seen. */
  private whole = true;

  constructor(
    private readonly faults: WireFaultState,
    private readonly random: Random,
    private readonly counters: WireFaultCounters,
  ) {}

  apply(bytes: Uint8Array): Uint8Array {
    if (this.faults.duplicate === 0) {
      if (bytes.length > 0) this.skip(bytes);
      return bytes;
    }
    const pieces: Uint8Array[] = [];
    let passed = 0;
    let from = 0;
    for (;;) {
      const delimiter = bytes.indexOf(0, from);
      if (delimiter < 0) break;
      this.keep(bytes, from, delimiter + 1);
      from = delimiter + 1;
      if (this.isFrame() && this.random.unit() < this.faults.duplicate) {
        pieces.push(bytes.subarray(passed, from), this.frame.slice(0, this.length));
        passed = from;
        this.counters.frames_duplicated++;
      }
      this.length = 0;
      this.whole = true;
    }
    this.keep(bytes, from, bytes.length);
    if (pieces.length === 0) return bytes;
    pieces.push(bytes.subarray(passed));
    return Buffer.concat(pieces);
  }

  /** Only looks at whether a frame is under way, for the time when frames are repeated. */
  private skip(bytes: Uint8Array): void {
    this.length = 0;
    this.whole = bytes[bytes.length - 1] === 0;
  }

  private keep(bytes: Uint8Array, from: number, to: number): void {
    const fits = Math.min(to - from, Math.max(0, MAX_FRAME - this.length));
    this.frame.set(bytes.subarray(from, from + fits), Math.min(this.length, MAX_FRAME));
    this.length += to - from;
  }

  private isFrame(): boolean {
    return this.whole && this.length > 1 && this.length <= MAX_FRAME;
  }
}
