import type { Time, TimerHandle } from '../../src/base/clock.js';
import { BridgeError } from '../../src/base/errors.js';

/** A start bit, eight of data, a stop bit. */
export const BITS_PER_BYTE = 10;
/** The most that waits for the line, bytes; a serial link never has so much under way. */
export const MAX_WAITING = 1024 * 1024;
/** How often bytes are handed on while some are under way, ms: as often as a UART's FIFO is emptied. */
const TURN_MS = 1;

/** Takes what the line has carried; `arrivedNs` is when its last byte had come, CLOCK_MONOTONIC. */
export type Carried = (bytes: Uint8Array, arrivedNs: bigint) => Promise<void>;

interface Write {
  readonly bytes: Uint8Array;
  /** How many of them were handed on. */
  done: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * One direction of a serial line: bytes pass one after the other, each in its time. While there are
 * bytes to carry the line is busy without a pause, however late timers are.
 */
export class PacedLine {
  pendingBytes = 0;
  private readonly byteNs: number;
  private writes: Write[] = [];
  /** When the byte that passes next begins to, ns. */
  private freeNs = 0;
  private timer: TimerHandle | undefined;
  private closed = false;

  constructor(
    baud: number,
    private readonly time: Time,
    private readonly carried: Carried,
  ) {
    this.byteNs = (BITS_PER_BYTE * 1e9) / baud;
  }

  /** Resolves when the line has carried them; rejects with QUEUE_FULL, or LINK_DOWN when it ends before. */
  push(bytes: Uint8Array): Promise<void> {
    if (this.closed) return Promise.reject(new BridgeError('LINK_DOWN', 'the line has ended'));
    if (this.pendingBytes + bytes.length > MAX_WAITING) {
      return Promise.reject(new BridgeError('QUEUE_FULL', `${MAX_WAITING} bytes wait for the line already`));
    }
    if (this.pendingBytes === 0) this.freeNs = Math.max(this.freeNs, this.now());
    this.pendingBytes += bytes.length;
    return new Promise((resolve, reject) => {
      this.writes.push({ bytes: Uint8Array.from(bytes), done: 0, resolve, reject });
      if (this.timer === undefined) this.wait();
    });
  }

  /** What is under way is lost. */
  close(): void {
    this.closed = true;
    if (this.timer !== undefined) this.time.clear(this.timer);
    this.timer = undefined;
    for (const { reject } of this.writes.splice(0))
      reject(new BridgeError('LINK_DOWN', 'the line has ended'));
    this.pendingBytes = 0;
  }

  private now(): number {
    return Number(this.time.monotonicNs());
  }

  private wait(): void {
    const byteMs = (this.freeNs + this.byteNs - this.now()) / 1e6;
    this.timer = this.time.set(() => this.turn(), Math.max(TURN_MS, byteMs));
  }

  /** Hands on every byte that has passed by now. */
  private turn(): void {
    this.timer = undefined;
    let due = Math.floor((this.now() - this.freeNs) / this.byteNs);
    while (due > 0 && this.writes.length > 0 && !this.closed) {
      const write = this.writes[0]!;
      const count = Math.min(due, write.bytes.length - write.done);
      due -= count;
      this.freeNs += count * this.byteNs;
      this.pendingBytes -= count;
      this.hand(write, count);
    }
    if (this.writes.length > 0 && this.timer === undefined && !this.closed) this.wait();
  }

  private hand(write: Write, count: number): void {
    const from = write.done;
    write.done += count;
    const isLast = write.done === write.bytes.length;
    if (isLast) this.writes.shift();
    const carried = this.carried(write.bytes.subarray(from, from + count), BigInt(Math.round(this.freeNs)));
    if (isLast) carried.then(write.resolve, write.reject);
    else carried.catch(() => undefined);
  }
}
