import { MIN_MAX_PAYLOAD } from '../../wire/serial-frame.js';
import type { ArqState } from './arq-state.js';

/** The size of packet that gets through: halved when frames are resent, grown again while none are. */

/** Frames acknowledged at their first transmission before the hint grows by a quarter. */
const GROW_AFTER = 3;

/** Frames are about to be resent. */
export function noteResend(state: ArqState): void {
  state.cleanFrames = 0;
  state.hint = Math.max(Math.min(MIN_MAX_PAYLOAD, state.maxPayload), state.hint >> 1);
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
  return state.hint < state.maxPayload;
}
