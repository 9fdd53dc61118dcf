import { putU16, putU32, u16, u32 } from '../bytes.js';
import { parseJson, parseSource, type TraceSource } from './record.js';

/** The head of a trace file (docs/trace.md, "Head"): magic, version, and what the file says of itself. */

export const TRACE_VERSION = 1;
const MAGIC = Buffer.from('gbtrace\0', 'latin1');
const FIXED_LENGTH = 16;
/** More than any configuration needs; what claims more is no head. */
const MAX_JSON = 1 << 20;

export interface TraceHead {
  /** Program and version that made it. */
  readonly madeBy: string;
  /** The same in every file of one recording, and in no other's. */
  readonly recording: string;
  /** 1 for the first file of the recording, then one more each. */
  readonly part: number;
  /** Both clocks when the file was begun, ns. */
  readonly monotonicNs: bigint;
  readonly realtimeNs: bigint;
  readonly sources: readonly TraceSource[];
}

export function encodeTraceHead(head: TraceHead): Uint8Array {
  const json = Buffer.from(
    JSON.stringify({
      made_by: head.madeBy,
      recording: head.recording,
      part: head.part,
      monotonic_ns: head.monotonicNs.toString(),
      realtime_ns: head.realtimeNs.toString(),
      sources: head.sources,
    }),
  );
  const bytes = new Uint8Array(FIXED_LENGTH + json.length);
  bytes.set(MAGIC, 0);
  putU16(bytes, 8, TRACE_VERSION);
  putU32(bytes, 12, json.length);
  bytes.set(json, FIXED_LENGTH);
  return bytes;
}

export type TraceHeadRead =
  | { readonly kind: 'head'; readonly head: TraceHead; readonly end: number }
  /** The bytes end inside the head. */
  | { readonly kind: 'cut' }
  | { readonly kind: 'no-trace' }
  | { readonly kind: 'version'; readonly version: number };

/** Reads the head at the start of a file. Never throws. */
export function decodeTraceHead(bytes: Uint8Array): TraceHeadRead {
  const known = Math.min(bytes.length, MAGIC.length);
  if (MAGIC.compare(bytes, 0, known, 0, known) !== 0) return { kind: 'no-trace' };
  if (bytes.length < FIXED_LENGTH) return { kind: 'cut' };
  const version = u16(bytes, 8);
  if (version !== TRACE_VERSION) return { kind: 'version', version };
  const end = FIXED_LENGTH + u32(bytes, 12);
  if (end - FIXED_LENGTH > MAX_JSON) return { kind: 'no-trace' };
  if (end > bytes.length) return { kind: 'cut' };
  const head = parseHead(parseJson(bytes.subarray(FIXED_LENGTH, end)));
  return head === undefined ? { kind: 'no-trace' } : { kind: 'head', head, end };
}

function parseHead(value: unknown): TraceHead | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { made_by, recording, part, monotonic_ns, realtime_ns, sources } = value as Record<string, unknown>;
  if (typeof made_by !== 'string' || typeof recording !== 'string' || typeof part !== 'number')
    return undefined;
  const monotonicNs = parseNs(monotonic_ns);
  const realtimeNs = parseNs(realtime_ns);
  if (monotonicNs === undefined || realtimeNs === undefined || !Array.isArray(sources)) return undefined;
  const known = sources.map(parseSource).filter((source) => source !== undefined);
  return { madeBy: made_by, recording, part, monotonicNs, realtimeNs, sources: known };
}

function parseNs(value: unknown): bigint | undefined {
  return typeof value === 'string' && /^\d{1,20}$/.test(value) ? BigInt(value) : undefined;
}
