import { IRQ_TYPE } from '../wire/virtio-gpio.js';
import { EdgeRing, NumberRing } from './rings.js';

/**
 * What became of the edges of one line, cumulative over enabling, disabling, resets and restarts.
 * At any moment `sensed == delivered + kept + overflowed + discarded`.
 */
export interface EdgeStats {
  /** Edges of the enabled type sensed while the interrupt was enabled; of level types the VALID returns. */
  sensed: number;
  /** Returned in a VALID buffer and handed to the channel. */
  delivered: number;
  /** Lost because as many as may be kept were kept already, or seen only by an unchanged level. */
  overflowed: number;
  /** Kept, and thrown away by SET_IRQ_TYPE NONE, SET_DIRECTION NONE, a reset or a restart. */
  discarded: number;
}

export function newEdgeStats(): EdgeStats {
  return { sensed: 0, delivered: 0, overflowed: 0, discarded: 0 };
}

/** {@link EventLine.edgeLevel} where no level is known yet. */
export const LEVEL_UNKNOWN = -1;

export function isLevelType(type: number): boolean {
  return type === IRQ_TYPE.LEVEL_HIGH || type === IRQ_TYPE.LEVEL_LOW;
}

/** The interrupt state of one line: what is enabled, counted, kept and queued. */
export class EventLine {
  /** An IRQ_TYPE. */
  type: number = IRQ_TYPE.NONE;
  /** Present level. */
  level = 0;
  /** Level right after the last edge, or at enabling: EDGE_BOTH alternates from it. */
  edgeLevel: number = 0;
  /** Whether {@link level} has to be confirmed before a level interrupt is delivered by it. */
  stale = false;
  /** Number of the last edge sensed since enabling, modulo 2^32. Stays after NONE. */
  seq = 0;
  /** The last `seq` that left in a VALID buffer or an account. */
  reportedSeq = 0;
  /** Edges known to have been missed that only the next edge, or the end, is to tell of. */
  untold = 0;
  /** Owed because of a resume; what an overflow owes shows in `seq` and `reportedSeq`. */
  owesAccount = false;
  /** How many entries in the queue of deliverable edges are this line's. */
  paired = 0;
  /** Ids of the event buffers queued. */
  readonly buffers = new NumberRing();
  readonly kept = new EdgeRing();

  constructor(readonly stats: EdgeStats) {}

  /** Whether the level interrupt enabled asks for attention. */
  get levelActive(): boolean {
    return this.type === (this.level === 1 ? IRQ_TYPE.LEVEL_HIGH : IRQ_TYPE.LEVEL_LOW);
  }

  /** Whether the next buffer must come back as an account; asked only when nothing kept is left. */
  get inDebt(): boolean {
    return this.owesAccount || this.reportedSeq !== this.seq;
  }

  discardKept(): void {
    this.stats.discarded += this.kept.length;
    this.kept.clear();
  }

  /** Forgets everything but the present level and the statistics. */
  reset(): void {
    this.discardKept();
    this.type = IRQ_TYPE.NONE;
    this.seq = 0;
    this.reportedSeq = 0;
    this.untold = 0;
    this.owesAccount = false;
    this.paired = 0;
    this.buffers.clear();
  }
}
