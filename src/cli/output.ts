import { once } from 'node:events';

/**
 * Writes to stdout, or to stderr. The bytes leave at once unless a pipe is full; then the promise
 * waits until the reader has made room, so that nothing piles up here. Await it in loops.
 */
export async function print(text: string, stream: NodeJS.WriteStream = process.stdout): Promise<void> {
  if (text === '' || stream.write(text) || stream.destroyed) return;
  await once(stream, 'drain');
}

/** {@link print} for one object: JSON on a line of its own, see {@link toJson}. */
export function printJson(value: unknown): Promise<void> {
  return print(`${toJson(value)}\n`);
}

/** Waits until everything printed has left, as `process.exit` does not. */
export async function flushed(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    if (stream.writableLength > 0 && !stream.destroyed) await once(stream, 'drain');
  }
}

/** What ends the program, or instead of that, when the reader of stdout has gone. */
let endOfReader: () => void = () => process.exit(0);

/** Resolves when the reader of stdout has gone, which from now on does not end the program at once. */
export function readerGone(): Promise<void> {
  return new Promise((resolve) => {
    endOfReader = resolve;
  });
}

/** A reader that has seen enough (`| head`) ends the program quietly. `program` is what messages call it. */
export function endQuietlyWithReader(program: string): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') {
      endOfReader();
      return;
    }
    process.stderr.write(`${program}: cannot write to standard output: ${error.message}\n`);
    process.exit(1);
  });
  process.stderr.on('error', () => process.exit(1));
}

/** JSON as every `--json` prints it: keys in snake_case, bigints as decimal strings. */
export function toJson(value: unknown): string {
  return JSON.stringify(snakeCased(value));
}

function snakeCased(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value)) return value.map(snakeCased);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [snakeCase(key), snakeCased(item)]));
}

function snakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
