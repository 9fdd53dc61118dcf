import { type ScanError, ValueScanner } from './scanner.js';

/** Takes the bytes of a whole message, which are only valid during the call. */
export type MessageSink = (message: Uint8Array) => void;

const FIRST_STORE = 1_024;

/**
 * Cuts a stream of bytes into MessagePack values of bounded length. Whole values are passed on
 * where they lie; only one that is cut by the end of a chunk is copied.
 */
export class MessageSplitter {
  readonly #scanner: ValueScanner;
  readonly #maxMessage: number;
  /** The beginning of a value that has not come whole. */
  #store = new Uint8Array(0);
  #stored = 0;
  #stopped = false;

  constructor(maxMessage: number) {
    this.#maxMessage = maxMessage;
    this.#scanner = new ValueScanner(maxMessage);
  }

  /** Whether a value has begun and not ended. */
  get midMessage(): boolean {
    return this.#stored > 0;
  }

  /** Makes {@link push} return before the next message: for a sink that wants no more. Final. */
  stop(): void {
    this.#stopped = true;
  }

  /**
   * Passes every value that `chunk` completes to `sink`, in order. Returns what broke the format,
   * after which nothing more may be pushed; `chunk` may be reused after the call.
   */
  push(chunk: Uint8Array, sink: MessageSink): ScanError | undefined {
    let at = 0;
    while (at < chunk.length && !this.#stopped) {
      if (this.#stored > 0) {
        const next = this.#completeStored(chunk, at, sink);
        if (typeof next !== 'number') return next;
        at = next;
        continue;
      }
      const result = this.#scanner.scan(chunk, at, chunk.length);
      if (result.kind === 'error') return result;
      if (result.kind === 'incomplete') {
        this.#append(chunk, at, chunk.length);
        return undefined;
      }
      sink(chunk.subarray(at, result.end));
      at = result.end;
    }
    return undefined;
  }

  #completeStored(chunk: Uint8Array, at: number, sink: MessageSink): number | ScanError {
    const before = this.#stored;
    const take = Math.min(chunk.length - at, this.#maxMessage - before);
    this.#append(chunk, at, at + take);
    const result = this.#scanner.scan(this.#store, 0, this.#stored);
    if (result.kind === 'error') return result;
    if (result.kind === 'incomplete') return at + take;
    this.#stored = 0;
    sink(this.#store.subarray(0, result.end));
    return at + result.end - before;
  }

  #append(chunk: Uint8Array, from: number, to: number): void {
    const needed = this.#stored + to - from;
    if (needed > this.#store.length) {
      const size = Math.min(this.#maxMessage, Math.max(FIRST_STORE, 2 * needed));
      const grown = new Uint8Array(size);
      grown.set(this.#store.subarray(0, this.#stored));
      this.#store = grown;
    }
    this.#store.set(chunk.subarray(from, to), this.#stored);
    this.#stored = needed;
  }
}
