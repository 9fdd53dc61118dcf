import type { ArqState } from './arq-state.js';

/**
 * How many frames may be unacknowledged at a time: the window agreed on is the most, not the rule.
 *
 * Numbers are modulo 8. A line that only loses and damages frames keeps their order, and every N(R)
 * means what it says. On one that also repeats or swaps them (a tunnel, a multiplexer), a late N(R)
 * may read as an acknowledgement of frames just sent; if one of those was lost as well, it would be
 * lost for good. With 7 in flight every late N(R) reads so, with 3 one of five or more frames ago,
 * with 1 only one of exactly seven. Those that do not read so fall outside of what is in flight,
 * and show the disorder. So a line begins with 1 and gains trust while all is in order; it keeps
 * to 3 while it loses frames, and goes back to 1 for a while at each sign of disorder.
 */
export function sendWindow(state: ArqState): number {
  const trusted = 1 + Math.floor(Math.max(0, state.orderly) / FRAMES_A_STEP);
  const limit = isIntact(state) ? state.window : LOSSY_WINDOW;
  return Math.min(state.window, limit, trusted);
}

/** Frames acknowledged in order for which the trust grows by one frame in flight. */
const FRAMES_A_STEP = 12;
/** As many more after a sign of disorder. */
const DISORDER_PENALTY = 512;
const LOSSY_WINDOW = 3;
/** Frames acknowledged without a loss after which the line counts as intact; it begins as intact. */
export const INTACT_AFTER = 256;

/** Whether nothing says that this line loses frames. */
export function isIntact(state: ArqState): boolean {
  return state.intact >= INTACT_AFTER;
}

/** Frames were acknowledged. */
export function noteOrder(state: ArqState, count: number): void {
  state.orderly += count;
  state.intact += count;
}

/** An N(R) came that is none of now: the line has repeated or swapped frames. */
export function noteDisorder(state: ArqState): void {
  state.orderly = -DISORDER_PENALTY;
}

/** Bytes came that are no frame, or frames had to be resent. */
export function noteLoss(state: ArqState): void {
  state.intact = 0;
}

/**
 * Whether the other end is likely to send one frame at a time, so that an acknowledgement held back
 * would only keep it waiting: it has just begun, or sees the disorder that this end sees.
 */
export function sendsOneByOne(state: ArqState): boolean {
  return state.accepted <= FRAMES_A_STEP || state.orderly < 0;
}
