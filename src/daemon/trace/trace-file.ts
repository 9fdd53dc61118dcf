import { type FileHandle, open, rename, stat } from 'node:fs/promises';
import type { TimerHandle, Timers } from '../../base/clock.js';
import { BridgeError, messageOf } from '../../base/errors.js';

export interface TraceFileOptions {
  readonly path: string;
  /** Most bytes of one file. */
  readonly maxBytes: number;
  /** Most files: the newest is `path`, the one before it `path.1`, and so on. */
  readonly maxFiles: number;
  /** What a file begins with; `part` counts from 1. */
  readonly head: (part: number) => Uint8Array;
  readonly timers: Timers;
  /** Called once, when nothing can be written any more. */
  readonly failed: (error: Error) => void;
}

/** Records are written to the disk in pieces of this size; a record is never longer. */
const CHUNK = 64 * 1024;
/** Chunks that may wait for the disk; records beyond are lost, and counted. */
const MAX_WAITING = 64;
/** How long a record may wait for others. */
const FLUSH_MS = 200;

/**
 * A bounded file that is appended to and rotated, written behind the back of whoever fills it:
 * nothing here ever waits for the disk, and a disk that is full or fails ends the writing, no more.
 */
export class TraceFile {
  /** Records for which there was no room. */
  refused = 0;
  /** Bytes written to the disk, of all files. */
  bytesWritten = 0;
  readonly #options: TraceFileOptions;
  /** The chunk being filled; positions that {@link space} returns are in it. */
  buffer: Buffer = Buffer.allocUnsafeSlow(CHUNK);
  #filled = 0;
  readonly #waiting: Buffer[] = [];
  readonly #spare: Buffer[] = [];
  #handle: FileHandle | undefined;
  readonly #rotates: boolean;
  #part = 1;
  #fileBytes = 0;
  /** Of the present file: more than its head was written. */
  #holdsRecords = false;
  #writing: Promise<void> | undefined;
  #timer: TimerHandle | undefined;
  #open = true;

  /**
   * Opens the file; what was there under this name is rotated away. Rejects with INVALID_ARGUMENT
   * for what is no file, with PERMISSION_DENIED or IO_ERROR.
   */
  static async open(options: TraceFileOptions): Promise<TraceFile> {
    const { path } = options;
    try {
      const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      });
      // Of a device (/dev/null) there is one: it is written to as it is.
      const rotates = found === undefined || found.isFile();
      if (!rotates && !found.isCharacterDevice()) {
        throw new BridgeError('INVALID_ARGUMENT', `trace '${path}' is not a file: give the name of one`);
      }
      if (found?.isFile() && found.size > 0) await rotate(path, options.maxFiles);
      return new TraceFile(options, await open(path, 'w', 0o640), rotates);
    } catch (thrown) {
      if (thrown instanceof BridgeError) throw thrown;
      const denied = ['EACCES', 'EPERM'].includes((thrown as NodeJS.ErrnoException).code ?? '');
      const message = `trace '${path}' cannot be opened: ${messageOf(thrown)}`;
      throw new BridgeError(denied ? 'PERMISSION_DENIED' : 'IO_ERROR', message, { cause: thrown });
    }
  }

  private constructor(options: TraceFileOptions, handle: FileHandle, rotates: boolean) {
    this.#options = options;
    this.#handle = handle;
    this.#rotates = rotates;
    this.#waiting.push(Buffer.from(options.head(this.#part)));
    this.#startWriting();
  }

  /** Whether what is put into it is written. */
  get isOpen(): boolean {
    return this.#open;
  }

  /**
   * Takes `length` bytes for one record and returns where in {@link buffer} they are to be written at
   * once, or -1 where there is no room for it.
   */
  space(length: number): number {
    if (this.#open && this.#filled + length > CHUNK) this.#passOn();
    if (!this.#open || this.#filled + length > CHUNK) {
      this.refused++;
      return -1;
    }
    const at = this.#filled;
    this.#filled += length;
    this.#timer ??= this.#options.timers.set(() => this.#flush(), FLUSH_MS);
    return at;
  }

  /** Writes what is left and closes the file. Never rejects. */
  async close(): Promise<void> {
    if (this.#timer !== undefined) this.#options.timers.clear(this.#timer);
    this.#timer = undefined;
    if (this.#open && this.#filled > 0) this.#passOn(MAX_WAITING + 1);
    this.#open = false;
    await this.#writing;
    await this.#handle?.close().catch(() => {});
    this.#handle = undefined;
  }

  #flush(): void {
    this.#timer = undefined;
    if (this.#open && this.#filled > 0) this.#passOn();
  }

  /** Gives the chunk to the writer and begins another; without room for it everything stays as it is. */
  #passOn(most = MAX_WAITING): void {
    if (this.#waiting.length >= most) return;
    this.#waiting.push(this.buffer.subarray(0, this.#filled));
    this.buffer = this.#spare.pop() ?? Buffer.allocUnsafeSlow(CHUNK);
    this.#filled = 0;
    this.#startWriting();
  }

  #startWriting(): void {
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
  }

  async #writeAll(): Promise<void> {
    // What is passed on while this writes is written, too.
    for (let chunk = this.#waiting[0]; chunk !== undefined; chunk = this.#waiting[0]) {
      try {
        await this.#write(chunk);
      } catch (thrown) {
        await this.#fail(thrown as Error);
        return;
      }
      this.#waiting.shift();
      if (chunk.buffer.byteLength === CHUNK && this.#spare.length < 2)
        this.#spare.push(Buffer.from(chunk.buffer));
    }
  }

  async #write(chunk: Buffer): Promise<void> {
    const { path, maxBytes, maxFiles, head } = this.#options;
    if (this.#rotates && this.#holdsRecords && this.#fileBytes + chunk.length > maxBytes) {
      await this.#handle!.close();
      this.#handle = undefined;
      await rotate(path, maxFiles);
      this.#handle = await open(path, 'w', 0o640);
      this.#fileBytes = 0;
      await this.#append(Buffer.from(head(++this.#part)));
    }
    // The very first chunk is the head of the first file.
    this.#holdsRecords = this.#fileBytes > 0;
    await this.#append(chunk);
  }

  async #append(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await this.#handle!.write(bytes, at, bytes.length - at);
      at += bytesWritten;
      this.#fileBytes += bytesWritten;
      this.bytesWritten += bytesWritten;
    }
  }

  async #fail(error: Error): Promise<void> {
    this.#open = false;
    this.#waiting.length = 0;
    if (this.#timer !== undefined) this.#options.timers.clear(this.#timer);
    this.#timer = undefined;
    await this.#handle?.close().catch(() => {});
    this.#handle = undefined;
    this.#options.failed(error);
  }
}

/** Makes `path` free: it becomes `path.1`, that `path.2`, and the oldest goes. */
async function rotate(path: string, maxFiles: number): Promise<void> {
  const name = (age: number): string => (age === 0 ? path : `${path}.${age}`);
  for (let age = maxFiles - 2; age >= 0; age--) {
    await rename(name(age), name(age + 1)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }
}
