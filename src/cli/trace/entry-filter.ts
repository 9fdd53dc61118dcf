import type { TraceEntry } from './entry.js';
import { kindOf } from './entry.js';

/** What `decode` is asked for; undefined: everything. */
export interface EntryFilter {
  readonly coprocessor?: string | undefined;
  /** Since the trace began, ns; both included. */
  readonly fromNs?: bigint | undefined;
  readonly toNs?: bigint | undefined;
  /** Kinds of records, or types of messages. */
  readonly kinds?: ReadonlySet<string> | undefined;
}

export function passes(entry: TraceEntry, filter: EntryFilter): boolean {
  const { coprocessor, fromNs, toNs, kinds } = filter;
  if (coprocessor !== undefined && entry.coprocessor !== coprocessor) return false;
  if (fromNs !== undefined && entry.sinceStartNs < fromNs) return false;
  if (toNs !== undefined && entry.sinceStartNs > toNs) return false;
  if (kinds === undefined) return true;
  return kinds.has(kindOf(entry)) || (entry.spoken !== undefined && kinds.has(entry.spoken.message.type));
}
