import { open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { BridgeError, messageOf } from '../base/errors.js';
import { decodeTraceHead, TRACE_VERSION, type TraceHead } from '../wire/trace/file-head.js';
import { findRecord, readRecord, type TraceRecord } from '../wire/trace/record.js';

/** One file of a recording. */
export interface TraceFileInfo {
  readonly path: string;
  readonly head: TraceHead;
  /** Where the records begin. */
  readonly recordsAt: number;
  readonly bytes: number;
}

/** Records of one file that were read together. */
export interface TraceBatch {
  readonly file: TraceFileInfo;
  readonly records: readonly TraceRecord[];
}

/** What reading found besides records. */
export interface TraceFaults {
  /** Files that end inside a record: the program or the disk ended first. */
  cutFiles: number;
  /** Bytes between records that are none. */
  damagedBytes: number;
  /** Records that this version does not know. */
  unknownRecords: number;
}

const HEAD_BYTES = 64 * 1024;
const MAX_HEAD_BYTES = 2 * 1024 * 1024;
/** What is read at once; a record is shorter. */
const READ_BYTES = 256 * 1024;

/**
 * The files of the recording that `path` is the newest of, oldest first: `path` and what was
 * rotated away as `path.1`, `path.2` and so on. Files of other recordings are left out. Rejects with
 * INVALID_ARGUMENT for what is no trace or of another version, with NOT_FOUND, PERMISSION_DENIED or
 * IO_ERROR where it cannot be read.
 */
export async function findTraceFiles(path: string): Promise<readonly TraceFileInfo[]> {
  const newest = await readHead(path);
  const older: TraceFileInfo[] = [];
  for (const name of await rotatedNames(path)) {
    // What is none of ours, or was rotated away meanwhile, is none of this recording's.
    const file = await readHead(name).catch(() => undefined);
    if (file === undefined || file.head.recording !== newest.head.recording) continue;
    if (file.head.part < newest.head.part) older.push(file);
  }
  return [...older.sort((a, b) => a.head.part - b.head.part), newest];
}

/**
 * The records of these files in order, in arrays as they were read. Never holds more than a part of
 * a file. What is damaged is passed over and counted in `faults`. The bytes of a record are a view
 * of memory that is not written to again.
 */
export async function* readTraceFiles(
  files: readonly TraceFileInfo[],
  faults: TraceFaults = newTraceFaults(),
): AsyncGenerator<TraceBatch> {
  for (const file of files) yield* readRecords(file, faults);
}

export function newTraceFaults(): TraceFaults {
  return { cutFiles: 0, damagedBytes: 0, unknownRecords: 0 };
}

async function rotatedNames(path: string): Promise<string[]> {
  const folder = dirname(path);
  const prefix = `${basename(path)}.`;
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)))
    .map((name) => join(folder, name));
}

async function readHead(path: string): Promise<TraceFileInfo> {
  try {
    if (!(await stat(path)).isFile()) throw new BridgeError('INVALID_ARGUMENT', `'${path}' is not a file`);
    const handle = await open(path, 'r');
    try {
      const { size } = await handle.stat();
      for (let length = HEAD_BYTES; ; length = MAX_HEAD_BYTES) {
        const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, 0);
        const read = decodeTraceHead(buffer.subarray(0, bytesRead));
        if (read.kind === 'head') return { path, head: read.head, recordsAt: read.end, bytes: size };
        if (read.kind !== 'cut' || bytesRead < length || length === MAX_HEAD_BYTES) {
          throw new BridgeError('INVALID_ARGUMENT', `'${path}' ${whyNoTrace(read)}`);
        }
      }
    } finally {
      await handle.close();
    }
  } catch (thrown) {
    throw thrown instanceof BridgeError ? thrown : readError(path, thrown);
  }
}

function whyNoTrace(read: Exclude<ReturnType<typeof decodeTraceHead>, { kind: 'head' }>): string {
  switch (read.kind) {
    case 'cut':
      return 'is cut inside its head: it holds no records';
    case 'version':
      return `is a trace of version ${read.version}: this program reads version ${TRACE_VERSION}`;
    default:
      return 'is no trace: it does not begin as the files of daemon --trace do';
  }
}

function readError(path: string, thrown: unknown): BridgeError {
  const code = (thrown as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return new BridgeError('NOT_FOUND', `no trace '${path}': there is no such file`);
  const name = code === 'EACCES' || code === 'EPERM' ? 'PERMISSION_DENIED' : 'IO_ERROR';
  return new BridgeError(name, `trace '${path}' cannot be read: ${messageOf(thrown)}`, { cause: thrown });
}

async function* readRecords(file: TraceFileInfo, faults: TraceFaults): AsyncGenerator<TraceBatch> {
  const handle = await open(file.path, 'r').catch((thrown) => {
    throw readError(file.path, thrown);
  });
  try {
    let rest = Buffer.alloc(0);
    for (let position = file.recordsAt; ; ) {
      // A buffer of its own for each read: records are views of it.
      const space = Buffer.allocUnsafe(rest.length + READ_BYTES);
      rest.copy(space);
      const { bytesRead } = await handle.read(space, rest.length, READ_BYTES, position);
      if (bytesRead === 0) break;
      position += bytesRead;
      const bytes = space.subarray(0, rest.length + bytesRead);
      const { records, end } = split(bytes, faults);
      rest = bytes.subarray(end);
      if (records.length > 0) yield { file, records };
    }
    if (rest.length > 0) faults.cutFiles++;
  } finally {
    await handle.close();
  }
}

/** The whole records at the start of `bytes`, and where the rest begins. */
function split(bytes: Uint8Array, faults: TraceFaults): { records: TraceRecord[]; end: number } {
  const records: TraceRecord[] = [];
  for (let at = 0; ; ) {
    const read = readRecord(bytes, at);
    if (read.kind === 'cut') return { records, end: at };
    if (read.kind === 'damaged') {
      const next = findRecord(bytes, at + 1);
      faults.damagedBytes += next - at;
      at = next;
      continue;
    }
    if (read.kind === 'record') records.push(read.record);
    else faults.unknownRecords++;
    at = read.end;
  }
}
