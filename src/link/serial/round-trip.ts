import { maxWireLength } from '../../wire/serial-frame.js';
import type { ArqState, FrameInFlight } from './arq-state.js';

/** The retransmission timer: it follows the measured round trip within the bounds of the line. */

/**
 * Measures the round trip on the youngest of the `count` frames that are acknowledged now. One that
 * was resent is not measured, since nobody knows which of the two was meant (Karn), with two
 * exceptions. Before the first measure it counts from the first of two transmissions: that is too
 * long where this one was lost, until the next measure, while too short would resend on a slow line for
 * ever, as each needless copy brings a NAK. After more of them the line is more likely bad than slow. And an acknowledgement that came too soon to mean the resend
 * means the first. True for that one: the resend was needless, and its copy will be answered with a NAK.
 */
export function measureRoundTrip(state: ArqState, count: number, now: number): boolean {
  const frame = state.inFlight[count - 1]!;
  const needless = frame.transmissions > 1 && tooSoon(state, frame, now);
  if (frame.transmissions === 1) {
    if (state.roundTripIsGuess) state.srtt = Number.NaN;
    state.roundTripIsGuess = false;
    state.unmeasured = 0;
    addSample(state, Math.max(0, now - lastSent(frame)));
    return false;
  }
  if (!needless && ++state.unmeasured >= SLOWER_AFTER) guessSlower(state, now - frame.firstSentAt);
  else if (needless || Number.isNaN(state.srtt)) {
    if (!needless) state.roundTripIsGuess = true;
    const isFirst = needless || frame.transmissions === 2;
    addSample(state, now - (isFirst ? frame.firstSentAt : lastSent(frame)));
  }
  return needless;
}

/**
 * A line that became slower than the timer has each frame resent, so that none can be measured, for ever.
 * After some of these in a row the round trip is taken for what it is at most, until one is measured.
 */
function guessSlower(state: ArqState, atMost: number): void {
  state.unmeasured = 0;
  state.roundTripIsGuess = true;
  state.srtt = Number.NaN;
  addSample(state, atMost);
}

/** Whether an answer that comes now cannot mean the last transmission of the frame. */
export function tooSoon(state: ArqState, frame: FrameInFlight, now: number): boolean {
  return now - lastSent(frame) < state.shortestRtt * TOO_SOON;
}

/**
 * Whether whatever the other end sends now was likely sent after the frame should have come there:
 * on a line of even delay that is so from the shortest round trip on. On one that has a speed, what
 * comes now may have waited for its turn behind other frames, so that the usual round trip counts.
 * Being wrong costs a needless copy, and that the trust in the line; being late the rest of the
 * timer. Never before a round trip was measured, or before the frame was written out.
 */
export function isOverdue(state: ArqState, frame: FrameInFlight, now: number): boolean {
  if (Number.isNaN(state.srtt) || Number.isNaN(frame.outAt)) return false;
  const earliest = state.shortestRtt + lineTime(state);
  const usual = Number.isFinite(state.config.bytesPerMs) ? state.srtt + 2 * state.rttvar : 0;
  return now - frame.outAt > Math.max(earliest, usual);
}

/** An answer within this part of the shortest round trip is none to what was sent last. */
const TOO_SOON = 0.5;
/** Acknowledgements of resent frames in a row after which the line is taken for slower than was measured. */
const SLOWER_AFTER = 5;
/** The shortest round trip is forgotten over about so many measures, as lines change. */
const FORGET_OVER = 64;

function lastSent(frame: FrameInFlight): number {
  return Number.isNaN(frame.outAt) ? frame.sentAt : frame.outAt;
}

/** Jacobson's estimator with the gains of RFC 6298. */
function addSample(state: ArqState, sample: number): void {
  if (Number.isNaN(state.srtt)) {
    state.srtt = sample;
    state.rttvar = sample / 2;
    state.shortestRtt = sample;
    return;
  }
  state.rttvar += (Math.abs(state.srtt - sample) - state.rttvar) / 4;
  state.srtt += (sample - state.srtt) / 8;
  const longer = sample - state.shortestRtt;
  state.shortestRtt += longer < 0 ? longer : longer / FORGET_OVER;
}

/** Milliseconds from writing out the oldest frame to its next resend. */
export function retransmitDelay(state: ArqState): number {
  const { retransmit_min, retransmit_max } = state.config.limits;
  const line = 2 * lineTime(state);
  const margin = Math.max(MARGIN_MS, 4 * state.rttvar);
  const measured = Number.isNaN(state.srtt) ? UNMEASURED_MS : state.srtt + margin;
  const longest = Math.max(retransmit_max, line);
  const first = Math.min(longest, Math.max(retransmit_min, line, measured));
  return Math.min(longest, first * 2 ** state.misses);
}

/** The other end may keep an acknowledgement back for this long. */
const MARGIN_MS = 20;
/** Before the first measure. */
const UNMEASURED_MS = 150;

/** How long the line takes to carry what is in flight. */
function lineTime(state: ArqState): number {
  let bytes = 0;
  for (const frame of state.inFlight) bytes += maxWireLength(frame.payload.length);
  return bytes / state.config.bytesPerMs;
}
