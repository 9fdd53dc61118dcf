import type { Spoken } from '../../trace/conversation.js';
import type { SourceKind, TraceRecord, TraceSource } from '../../wire/trace/record.js';

/** A record as it is shown: with what it says and when it was. */
export interface TraceEntry {
  readonly record: TraceRecord;
  /** Name of the coprocessor. */
  readonly coprocessor: string;
  /** What its records hold. */
  readonly carries: SourceKind;
  /** Of the packet, where the record has one. */
  readonly spoken: Spoken | undefined;
  /** Since the trace began, ns. */
  readonly sinceStartNs: bigint;
  /** CLOCK_REALTIME as it was when the file was begun, ns. */
  readonly realtimeNs: bigint;
}

/** Kinds that `--kind` selects, besides the types of messages. */
export const ENTRY_KINDS = [
  'data',
  'ack',
  'nak',
  'plain',
  'message',
  'rst',
  'rstack',
  'damaged',
  'state',
  'lost',
] as const;
export type EntryKind = (typeof ENTRY_KINDS)[number];

/** What kind of record it is; the frame's kind for frames. */
export function kindOf({ record, carries }: Pick<TraceEntry, 'record' | 'carries'>): EntryKind | 'source' {
  if (record.kind !== 'frame') return record.kind;
  if (carries === 'message') return 'message';
  const { frame } = record;
  return frame.kind === 'ack' && frame.nak ? 'nak' : frame.kind;
}

/** What became of it: the fate of a frame, or of a packet that no receiver can take. */
export function fateOf({ record, spoken }: TraceEntry): string {
  if (record.kind === 'damaged') return `discarded ${record.reason}`;
  if (record.kind !== 'frame') return '';
  if (record.fate === 'delivered' && spoken?.message.type === 'dropped')
    return `dropped ${spoken.message.reason}`;
  return record.fate;
}

/** Names of the coprocessors of a trace, by the number of their records. */
export class SourceNames {
  private readonly sources = new Map<number, TraceSource>();

  add(source: TraceSource): void {
    this.sources.set(source.id, source);
  }

  of(record: TraceRecord): Pick<TraceEntry, 'coprocessor' | 'carries'> {
    const source = this.sources.get(record.source);
    return { coprocessor: source?.name ?? `#${record.source}`, carries: source?.kind ?? 'serial' };
  }
}
