import { randomUUID } from 'node:crypto';
import type { Time } from '../../base/clock.js';
import type { LinkObserver } from '../../link/link-observer.js';
import type { LinkState } from '../../link/packet-link.js';
import { isMessageUrl, parseLinkUrl } from '../../link/url.js';
import type { DiscardedFrame, SerialFrame } from '../../wire/serial-frame.js';
import { encodeTraceHead } from '../../wire/trace/file-head.js';
import {
  type Fate,
  putRecord,
  recordLength,
  type TraceRecord,
  type TraceSource,
} from '../../wire/trace/record.js';
import { TraceFile } from './trace-file.js';

/** `--trace` and what belongs to it. */
export interface TraceSettings {
  readonly path: string;
  /** Most bytes of one file. */
  readonly maxBytes: number;
  /** Most files. */
  readonly maxFiles: number;
}

export interface TraceRecorderOptions extends TraceSettings {
  readonly version: string;
  readonly time: Time;
  /** Called once, when the file can no longer be written; what follows is not recorded. */
  readonly failed: (error: Error) => void;
}

/** What a trace recorded, and what it could not. */
export interface TraceCounters {
  readonly records: number;
  readonly bytes: number;
  readonly lost: number;
}

/** Sources are numbered in 16 bits. */
const MAX_SOURCES = 0xffff;

/** The trace of a daemon: everything that crosses the links of its coprocessors (docs/trace.md). */
export class TraceRecorder {
  readonly #time: Time;
  readonly #sources: TraceSource[] = [];
  readonly #file: TraceFile;
  #records = 0;
  /** Records that found no room, and are not told of in the file yet. */
  #untold = 0;

  /** Rejects with what keeps the file from being opened. */
  static async open(options: TraceRecorderOptions): Promise<TraceRecorder> {
    const { path, maxBytes, maxFiles, time, version, failed } = options;
    const recording = randomUUID();
    const sources: TraceSource[] = [];
    const head = (part: number): Uint8Array =>
      encodeTraceHead({
        madeBy: `gpiobridge ${version}`,
        recording,
        part,
        monotonicNs: time.monotonicNs(),
        realtimeNs: time.realtimeNs(),
        sources,
      });
    const file = await TraceFile.open({ path, maxBytes, maxFiles, head, timers: time, failed });
    return new TraceRecorder(file, time, sources);
  }

  private constructor(file: TraceFile, time: Time, sources: TraceSource[]) {
    this.#file = file;
    this.#time = time;
    this.#sources = sources;
  }

  get counters(): TraceCounters {
    return { records: this.#records, bytes: this.#file.bytesWritten, lost: this.#file.refused };
  }

  /** The trace of one coprocessor, also after its link changed. */
  source(name: string, link: string): SourceTrace {
    let source = this.#sources.find((known) => known.name === name && known.link === link);
    if (source === undefined) {
      const kind = isMessageUrl(parseLinkUrl(link)) ? 'message' : 'serial';
      source = { id: Math.min(this.#sources.length, MAX_SOURCES), name, link, kind };
      this.#sources.push(source);
      const atNs = this.#time.monotonicNs();
      this.#put({ kind: 'source', atNs, source: source.id, added: source });
    }
    return new SourceTrace(source.id, this.#time, (record) => this.#put(record));
  }

  /** Writes what is left. Never rejects. */
  close(): Promise<void> {
    return this.#file.close();
  }

  #put(record: TraceRecord): void {
    if (this.#untold > 0) this.#tellLost(record);
    const at = this.#file.space(recordLength(record));
    if (at < 0) {
      this.#untold++;
      return;
    }
    putRecord(record, this.#file.buffer, at);
    this.#records++;
  }

  #tellLost({ atNs, source }: TraceRecord): void {
    if (!this.#file.isOpen) return;
    const record = { kind: 'lost', atNs, source, count: this.#untold } as const;
    const at = this.#file.space(recordLength(record));
    if (at < 0) return;
    putRecord(record, this.#file.buffer, at);
    this.#untold = 0;
  }
}

/** Puts what crosses the links of one coprocessor into the trace. */
export class SourceTrace implements LinkObserver {
  readonly #source: number;
  readonly #time: Time;
  readonly #put: (record: TraceRecord) => void;

  constructor(source: number, time: Time, put: (record: TraceRecord) => void) {
    this.#source = source;
    this.#time = time;
    this.#put = put;
  }

  received(frame: SerialFrame, fate: Fate, atNs: bigint): void {
    this.#put({ kind: 'frame', atNs, source: this.#source, direction: 'in', fate, frame });
  }

  discarded({ reason, bytes }: DiscardedFrame, atNs: bigint): void {
    this.#put({ kind: 'damaged', atNs, source: this.#source, reason, bytes });
  }

  sent(frames: readonly SerialFrame[], resent: number, atNs: bigint): void {
    let again = resent;
    for (const frame of frames) {
      const fate = frame.kind === 'data' && again-- > 0 ? 'resent' : 'sent';
      this.#put({ kind: 'frame', atNs, source: this.#source, direction: 'out', fate, frame });
    }
  }

  /** The link changed its state, or a port could not be opened. */
  state(state: LinkState['kind'], text = ''): void {
    this.#put({ kind: 'state', atNs: this.#time.monotonicNs(), source: this.#source, state, text });
  }
}
