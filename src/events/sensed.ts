import type { Level } from '../driver/remote-gpio.js';
import type { GapReason } from './edge-event.js';

/**
 * What the stages of the pipeline hand on before a request sees it: physical levels, offsets of
 * the coprocessor. The edge objects are made once, by the accounting stage, and the stamping stage
 * fills in their times; nobody else sees them half done.
 */
export type Sensed = SensedEdge | SensedGap;

export interface SensedEdge {
  readonly kind: 'edge';
  readonly line: number;
  /** Physical level right after the edge. */
  readonly level: Level;
  readonly levelSource: 'reported' | 'read';
  readonly lost: number | null;
  /** Device clock; null where the device does not stamp. */
  readonly deviceNs: bigint | null;
  /** CLOCK_MONOTONIC when the edge's own bytes arrived. */
  readonly arrivedNs: bigint;
  /** CLOCK_MONOTONIC of the edge; `arrivedNs` until it was stamped. */
  timeNs: bigint;
  stampedBy: 'device' | 'host';
  uncertaintyNs: number | null;
  boottimeNs: bigint | undefined;
}

export interface SensedGap {
  readonly kind: 'gap';
  /** Undefined: all armed lines. */
  readonly line: number | undefined;
  readonly lost: number | null;
  readonly reason: GapReason;
  /** Physical level after the gap, where it is known. */
  readonly level: Level | undefined;
  /** Device clock at the end of the gap, where the device told it. */
  readonly deviceNs: bigint | null;
  /** CLOCK_MONOTONIC; undefined: since the line's last edge. */
  readonly fromNs: bigint | undefined;
  /** CLOCK_MONOTONIC; the arrival of the news, until it was stamped. */
  toNs: bigint;
}

export interface SensedBatch {
  readonly arrivedNs: bigint;
  readonly events: readonly Sensed[];
}
