import { Option } from 'commander';
import { UsageError } from '../errors.js';

/** Options of `daemon --trace`. */

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1024, M: 1024 ** 2, G: 1024 ** 3 };
const SMALLEST = 256 * 1024;
const LARGEST = 1024 ** 4;
const MOST_FILES = 1000;

export function traceSizeOption(): Option {
  return new Option('--trace-size <bytes>', 'most bytes of one file of the trace, as 500k, 32M or 1G')
    .default(32 * 1024 ** 2, '32M')
    .argParser(parseTraceSize);
}

export function traceFilesOption(): Option {
  return new Option('--trace-files <n>', 'most files of the trace: FILE, FILE.1 and so on')
    .default(4)
    .argParser(parseTraceFiles);
}

/** Bytes; throws {@link UsageError}. */
export function parseTraceSize(text: string): number {
  const match = /^(\d{1,15})([kMG]?)$/.exec(text);
  const bytes = match === null ? Number.NaN : Number(match[1]) * UNITS[match[2]!]!;
  if (bytes >= SMALLEST && bytes <= LARGEST) return bytes;
  throw new UsageError(`--trace-size: '${text}' is no size from 256k to 1024G, as in 32M`);
}

/** Throws {@link UsageError}. */
export function parseTraceFiles(text: string): number {
  if (/^\d{1,4}$/.test(text) && Number(text) >= 1 && Number(text) <= MOST_FILES) return Number(text);
  throw new UsageError(`--trace-files: '${text}' is no number from 1 to ${MOST_FILES}`);
}
