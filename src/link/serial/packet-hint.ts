import { MIN_MAX_PAYLOAD } from '../../wire/serial-frame.js';
import type { ArqState } from './arq-state.js';

/**
 * The size of packet that gets through: smaller when frames are resent, grown again while none are.
 * It settles where about one frame in five is lost: each loss costs a pause, whatever the size, so
 * that packets much smaller than that carry less.
 */

/** The hint on a line of which nothing is known: a long packet on a bad line would keep all others waiting. */
export const FIRST_HINT = 256;
/** Frames acknowledged at their first transmission before the hint grows by a quarter. */
const GROW_AFTER = 2;
/** Packets above this are halved, smaller ones lose a quarter. */
const HALVE_ABOVE = 256;

/** Frames are about to be resent. */
export function noteResend(state: ArqState): void {
  state.cleanFrames = 0;
  const smaller = state.hint > HALVE_ABOVE ? state.hint >> 1 : state.hint - (state.hint >> 2);
  state.hint = Math.max(Math.min(MIN_MAX_PAYLOAD, state.maxPayload), smaller);
}

/** The oldest `count` frames in flight are acknowledged. */
export function noteAcknowledged(state: ArqState, count: number): void {
  if (state.hint >= state.maxPayload) return;
  for (let i = 0; i < count; i++) if (state.inFlight[i]!.transmissions === 1) state.cleanFrames++;
  if (state.cleanFrames < GROW_AFTER) return;
  state.cleanFrames = 0;
  state.hint = Math.min(state.maxPayload, state.hint + (state.hint >> 2));
}

/** Whether frames were resent lately, so that packets are kept small. */
export function losesFrames(state: ArqState): boolean {
  return state.counters.data_resent > 0 && state.hint < state.maxPayload;
}
