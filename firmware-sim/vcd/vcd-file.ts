import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { BridgeError, messageOf } from '../../src/base/errors.js';
import { VcdReader } from './vcd-reader.js';

const CHUNK = 64 * 1024;

/**
 * A Value Change Dump in a file, read piece by piece as it is needed, so that its size does not
 * matter. Throws IO_ERROR, and what the reader throws.
 */
export class VcdFile {
  readonly reader: VcdReader;
  private fd: number | undefined;
  private readonly buffer = Buffer.allocUnsafe(CHUNK);

  constructor(readonly path: string) {
    // To open a pipe would wait for a writer.
    const isFile = this.guarded(() => statSync(path).isFile());
    if (!isFile) throw new BridgeError('IO_ERROR', `${path}: cannot be read: it is no file`);
    this.fd = this.guarded(() => openSync(path, 'r'));
    try {
      this.reader = new VcdReader(() => this.readChunk(), path);
    } catch (thrown) {
      this.close();
      throw thrown;
    }
  }

  /** Idempotent. */
  close(): void {
    if (this.fd !== undefined) closeSync(this.fd);
    this.fd = undefined;
  }

  private readChunk(): Uint8Array | undefined {
    const { fd } = this;
    if (fd === undefined) return undefined;
    const length = this.guarded(() => readSync(fd, this.buffer));
    return length === 0 ? undefined : this.buffer.subarray(0, length);
  }

  private guarded<Result>(operation: () => Result): Result {
    try {
      return operation();
    } catch (thrown) {
      throw new BridgeError('IO_ERROR', `${this.path}: cannot be read: ${messageOf(thrown)}`, {
        cause: thrown,
      });
    }
  }
}
