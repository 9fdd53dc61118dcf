import { type FileHandle, open } from 'node:fs/promises';
import { print } from '../output.js';
import { OutputError } from '../watch/output-error.js';

/** Where a dump is written: after each write, what is there is a dump that can be opened. */
export interface VcdOutput {
  /** Adds `text`. Behind it stand `notes`, until the next write replaces them, where that is possible. */
  write(text: string, notes: string): Promise<void>;
  /** Adds the last text and the last notes, for good. */
  end(text: string, notes: string): Promise<void>;
}

/** Opens a file, made anew, or standard output for `-`. Throws {@link OutputError}. */
export async function openVcdOutput(path: string): Promise<VcdOutput> {
  if (path === '-') return new VcdStream((text) => print(text));
  const file = await open(path, 'w').catch(failed(path));
  if ((await file.stat().catch(failed(path))).isFile()) return new VcdFile(path, file);
  return new VcdStream(
    (text) => writeAll(file, text, null).catch(failed(path)),
    () => file.close().catch(failed(path)),
  );
}

/** What was written to a pipe cannot be replaced: the notes come at the end only. */
class VcdStream implements VcdOutput {
  readonly #send: (text: string) => Promise<void>;
  readonly #close: (() => Promise<void>) | undefined;

  constructor(send: (text: string) => Promise<void>, close?: () => Promise<void>) {
    this.#send = send;
    this.#close = close;
  }

  write(text: string): Promise<void> {
    return this.#send(text);
  }

  async end(text: string, notes: string): Promise<void> {
    await this.#send(text + notes);
    await this.#close?.();
  }
}

class VcdFile implements VcdOutput {
  readonly #path: string;
  readonly #file: FileHandle;
  /** Bytes of the dump without the notes. */
  #length = 0;
  /** Bytes with them. */
  #size = 0;

  constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  async write(text: string, notes: string): Promise<void> {
    try {
      await writeAll(this.#file, text + notes, this.#length);
      const size = this.#length + text.length + notes.length;
      if (size < this.#size) await this.#file.truncate(size);
      this.#size = size;
      this.#length += text.length;
    } catch (thrown) {
      // Half a line at the end would be half a time: a full disk leaves the dump as it was before.
      await this.#file.truncate(this.#length).catch(() => undefined);
      return failed(this.#path)(thrown);
    }
  }

  async end(text: string, notes: string): Promise<void> {
    await this.write(text, notes);
    await this.#file.close().catch(failed(this.#path));
  }
}

/** All of an ASCII text, at a position or (null) where the last write ended. */
async function writeAll(file: FileHandle, text: string, position: number | null): Promise<void> {
  const bytes = Buffer.from(text, 'latin1');
  for (let done = 0; done < bytes.length; ) {
    const at = position === null ? null : position + done;
    done += (await file.write(bytes, done, bytes.length - done, at)).bytesWritten;
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space left on the device; the dump ends here',
  EDQUOT: 'disk quota exceeded; the dump ends here',
  EFBIG: 'the file is too large; the dump ends here',
  EPIPE: 'its reader is gone',
  EIO: 'input/output error; the dump ends here',
  ENOENT: 'no such directory',
  EISDIR: 'it is a directory',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
};

function failed(path: string): (thrown: unknown) => never {
  return (thrown) => {
    const { code, message } = thrown as NodeJS.ErrnoException;
    throw new OutputError(`cannot write '${path}': ${REASONS[code ?? ''] ?? message}`);
  };
}
