import { maxWireLength } from '../../wire/serial-frame.js';
import type { ArqState } from './arq-state.js';

/** The retransmission timer: it follows the measured round trip within the bounds of the line. */

/**
 * Measures the round trip on the youngest of the `count` frames that are acknowledged now; frames
 * that were resent are not measured, since nobody knows which of the two was meant (Karn).
 */
export function measureRoundTrip(state: ArqState, count: number, now: number): void {
  const frame = state.inFlight[count - 1]!;
  if (frame.transmissions !== 1) return;
  const sample = Math.max(0, now - (Number.isNaN(frame.outAt) ? frame.sentAt : frame.outAt));
  if (Number.isNaN(state.srtt)) {
    state.srtt = sample;
    state.rttvar = sample / 2;
    return;
  }
  // Jacobson's estimator with the gains of RFC 6298.
  state.rttvar += (Math.abs(state.srtt - sample) - state.rttvar) / 4;
  state.srtt += (sample - state.srtt) / 8;
}

/** Milliseconds from writing out the oldest frame to its next resend. */
export function retransmitDelay(state: ArqState): number {
  const { retransmit_min, retransmit_max } = state.config.limits;
  const line = 2 * lineTime(state);
  const measured = Number.isNaN(state.srtt) ? UNMEASURED_MS : state.srtt + 4 * state.rttvar;
  const longest = Math.max(retransmit_max, line);
  const first = Math.min(longest, Math.max(retransmit_min, line, measured));
  return Math.min(longest, first * 2 ** state.misses);
}

/** Before the first measure: what a device may use as a fixed timer. */
const UNMEASURED_MS = 300;

/** How long the line takes to carry what is in flight. */
function lineTime(state: ArqState): number {
  let bytes = 0;
  for (const frame of state.inFlight) bytes += maxWireLength(frame.payload.length);
  return bytes / state.config.bytesPerMs;
}
