import { write } from 'node:fs';

/** Bytes kept while the descriptor takes none; beyond that lines are dropped and counted. */
const MAX_WAITING = 262_144;
const RETRY_MS = 50;

/**
 * Writes lines to a descriptor without ever blocking or failing its owner: a reader that sleeps, a
 * pipe that is closed, a disk that is full cost log lines and nothing else.
 */
export class LineSink {
  #waiting: string[] = [];
  #waitingBytes = 0;
  #writing = false;
  #idle: (() => void)[] = [];
  /** Lines that could not be written. */
  dropped = 0;

  constructor(private readonly fd: number) {}

  line(text: string): void {
    if (this.#waitingBytes + text.length > MAX_WAITING) {
      this.dropped++;
      return;
    }
    this.#waiting.push(text);
    this.#waitingBytes += text.length;
    if (!this.#writing) this.#next();
  }

  /** Resolves when everything was written or given up, or after `limitMs`. */
  flushed(limitMs: number): Promise<void> {
    if (!this.#writing) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, limitMs);
      this.#idle.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #next(): void {
    if (this.#waiting.length === 0) {
      this.#writing = false;
      for (const idle of this.#idle.splice(0)) idle();
      return;
    }
    this.#writing = true;
    const lines = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#write(Buffer.from(`${lines.join('\n')}\n`), lines.length);
  }

  #write(bytes: Buffer, lines: number): void {
    write(this.fd, bytes, (error, written) => {
      if (error === null && written < bytes.length) this.#write(bytes.subarray(written), lines);
      else if (error?.code === 'EAGAIN') setTimeout(() => this.#write(bytes, lines), RETRY_MS).unref();
      else {
        if (error !== null) this.dropped += lines;
        this.#next();
      }
    });
  }
}
