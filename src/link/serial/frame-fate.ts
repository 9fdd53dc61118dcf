import type { SerialFrame } from '../../wire/serial-frame.js';
import type { Fate } from '../../wire/trace/record.js';
import type { ArqCounters } from './arq-state.js';

/** Counters that grow with a frame that was not delivered, and what that says of it. */
const CAUSES: readonly (readonly [keyof ArqCounters, Fate])[] = [
  ['data_out_of_sequence', 'out-of-sequence'],
  ['data_stale', 'stale'],
  ['data_no_room', 'no-room'],
  ['no_session', 'no-session'],
  ['nr_out_of_range', 'out-of-range'],
  ['rst_ignored', 'ignored'],
  ['rstack_ignored', 'ignored'],
  ['plain_dropped', 'ignored'],
];

/** Tells what became of a frame by what was counted; only asked where somebody observes the link. */
export class FateWatch {
  private readonly before = new Float64Array(CAUSES.length);

  constructor(private readonly counters: ArqCounters) {}

  /** Call before the frame is received. */
  mark(): void {
    for (let i = 0; i < CAUSES.length; i++) this.before[i] = this.counters[CAUSES[i]![0]];
  }

  /** What became of the frame that was received since {@link mark}. */
  fateOf(frame: SerialFrame, delivered: boolean): Fate {
    if (delivered) return 'delivered';
    for (let i = 0; i < CAUSES.length; i++) {
      if (this.counters[CAUSES[i]![0]] !== this.before[i]) return CAUSES[i]![1];
    }
    return frame.kind === 'data' || frame.kind === 'plain' ? 'ignored' : 'taken';
  }
}
