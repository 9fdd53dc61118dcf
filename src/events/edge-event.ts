import type { Level } from '../driver/remote-gpio.js';

/** What a line request delivers, in the order of each line: edges, and gaps where edges are missing. */
export type LineEvent = EdgeEvent | Gap;

export type Edge = 'rising' | 'falling';
/** Which edges a request wants, as in the GPIO uAPI. */
export type EdgeSelection = 'none' | 'rising' | 'falling' | 'both';
export type EventClock = 'monotonic' | 'realtime';

/** One edge that the coprocessor sensed. */
export interface EdgeEvent {
  readonly type: 'edge';
  readonly chip: string;
  readonly offset: number;
  /** Logical: of an active-low line, rising is inactive to active. */
  readonly edge: Edge;
  /** Of `clock`. */
  readonly timestampNs: bigint;
  readonly clock: EventClock;
  /** `device`: the coprocessor's time, mapped; `host`: when the bytes arrived. */
  readonly stampedBy: 'device' | 'host';
  /** The true time lies within this of `timestampNs`; null where the host stamped: no bound is known. */
  readonly uncertaintyNs: number | null;
  /** CLOCK_BOOTTIME, only where the edge was sensed while the host slept. */
  readonly boottimeNs?: bigint;
  /** Of the request, from 1. */
  readonly seqno: number;
  /** Of the line in its request, from 1. */
  readonly lineSeqno: number;
  /** Edges of this line lost just before this one; null: cannot be known. */
  readonly lost: number | null;
  /** `reported` by the coprocessor with the edge, or `read` from the line after it. */
  readonly levelSource: 'reported' | 'read';
}

/** Why edges are missing. */
export type GapReason = 'overflow' | 'link' | 'firmware-restart' | 'client-queue' | 'disabled' | 'no-count';

/** Edges missing that no later edge reports. */
export interface Gap {
  readonly type: 'gap';
  readonly chip: string;
  /** Undefined: every line of the request on this chip. */
  readonly offset?: number;
  /** How many; null: cannot be known. */
  readonly lost: number | null;
  readonly reason: GapReason;
  /** CLOCK_MONOTONIC. */
  readonly fromNs: bigint;
  readonly toNs: bigint;
  /** The logical level after the gap, where it was read or reported. */
  readonly level?: Level;
}
