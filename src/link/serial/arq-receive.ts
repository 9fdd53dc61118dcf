import type { AckFrame, DataFrame, SerialFrame } from '../../wire/serial-frame.js';
import { answerWithRst, type ChannelChange, considerPlain, takeReset } from './arq-session.js';
import type { ArqState } from './arq-state.js';
import { losesFrames, noteAcknowledged, noteResend } from './packet-hint.js';
import { isOverdue, measureRoundTrip, tooSoon } from './round-trip.js';
import { noteDisorder, noteLoss, noteOrder, sendsOneByOne } from './send-window.js';

/** What a received frame brought. */
export interface Received {
  /** A packet for the layer above. */
  readonly packet?: Uint8Array;
  readonly change?: ChannelChange;
}

const NOTHING: Received = {};

/**
 * Takes one valid frame. `hasRoom` false: there is no room for a packet just now, so a DATA frame
 * is treated as damaged after its N(R) was taken.
 */
export function receiveFrame(state: ArqState, frame: SerialFrame, now: number, hasRoom = true): Received {
  state.lastHeardAt = now;
  switch (frame.kind) {
    case 'rst':
    case 'rstack':
      return changed(takeReset(state, frame, now));
    case 'plain':
      return receivePlain(state, frame.payload, now);
    default:
      return receiveInSession(state, frame, now, hasRoom);
  }
}

/**
 * Bytes came that are no frame. They may have been one, with nothing behind it to show that it is
 * missing: an ACK, soon, tells the other end what came, and by that what did not.
 */
export function receiveDamage(state: ArqState, now: number): void {
  noteLoss(state);
  if (state.phase === 'up') state.ackAt = Math.min(state.ackAt, now + state.config.limits.ack_delay);
}

function receivePlain(state: ArqState, packet: Uint8Array, now: number): Received {
  if (state.phase === 'plain') {
    state.counters.plain_received++;
    return { packet };
  }
  state.counters.plain_dropped++;
  if (state.phase === 'up') return NOTHING;
  state.plainHeard = true;
  return changed(considerPlain(state, now));
}

function receiveInSession(
  state: ArqState,
  frame: DataFrame | AckFrame,
  now: number,
  hasRoom: boolean,
): Received {
  if (state.phase === 'opening') {
    answerWithRst(state, now);
    return NOTHING;
  }
  if (state.phase === 'plain') {
    state.counters.no_session++;
    return NOTHING;
  }
  if (isOfEarlierSession(state, frame)) {
    state.counters.data_stale++;
    return NOTHING;
  }
  state.actedOnRstSeen = false;
  takeAcknowledgement(state, frame.nr, now);
  if (frame.kind === 'ack' && frame.nak) takeNak(state, frame.nr, now);
  else if (frame.nr === state.una) considerOldestLost(state, now);
  if (frame.kind === 'data') return receiveData(state, frame, now, hasRoom);
  state.counters.ack_received++;
  return NOTHING;
}

/**
 * A frame that cannot be of this session: it came together with the RST that began it, or
 * acknowledges what was never sent in it. Frames carry no session, so this is all that can be told
 * of one that the line delivers late; dropping is safe, since a sender resends.
 */
function isOfEarlierSession(state: ArqState, frame: DataFrame | AckFrame): boolean {
  return state.fresh || (state.dataSent === 0 && frame.nr !== 0);
}

/** N(R) acknowledges all before it, if it lies within what is in flight. */
function takeAcknowledgement(state: ArqState, nr: number, now: number): void {
  const count = (nr - state.una) & 7;
  if (count > transmitted(state)) {
    state.counters.nr_out_of_range++;
    state.strayAcks++;
    noteDisorder(state);
    return;
  }
  state.soundAcks++;
  state.strayMisses = 0;
  if (count === 0) return;
  const needless = measureRoundTrip(state, count, now);
  noteAcknowledged(state, count);
  state.inFlight.splice(0, count);
  state.sent = Math.max(0, state.sent - count);
  state.una = nr;
  state.progressAt = now;
  state.misses = 0;
  // Without this, each needless copy would bring a NAK, and that the next needless copy, for ever.
  state.ignoredNak = needless ? nr : -1;
  noteOrder(state, count);
}

/** Frames that were on the wire at least once: what an N(R) may acknowledge. */
function transmitted(state: ArqState): number {
  const { inFlight } = state;
  let count = inFlight.length;
  while (count > 0 && inFlight[count - 1]!.transmissions === 0) count--;
  return count;
}

/**
 * Every frame carries the N(R) of its moment. One that was sent after the oldest frame in flight
 * should have come, and does not acknowledge it, says that it was lost, be it for the second time:
 * the timer would tell the same much later. Only on a line that has lost frames lately: elsewhere the
 * other end is merely slow.
 */
function considerOldestLost(state: ArqState, now: number): void {
  const oldest = state.inFlight[0];
  if (oldest === undefined || state.sent === 0 || !losesFrames(state)) return;
  if (!isOverdue(state, oldest, now)) return;
  state.counters.overdue++;
  resendAll(state);
}

function resendAll(state: ArqState): void {
  state.sent = 0;
  noteResend(state);
  noteLoss(state);
}

/** Resends what is still unacknowledged, once for each N(R) until the timer has run out. */
function takeNak(state: ArqState, nr: number, now: number): void {
  state.counters.nak_received++;
  if (nr !== state.una || nr === state.ignoredNak || transmitted(state) === 0) return;
  // It cannot have been caused by what was just sent, but by a copy of something earlier.
  if (tooSoon(state, state.inFlight[0]!, now)) return;
  state.ignoredNak = nr;
  resendAll(state);
}

function receiveData(state: ArqState, frame: DataFrame, now: number, hasRoom: boolean): Received {
  if (frame.ns !== state.expected) {
    receiveOutOfSequence(state, now);
    return NOTHING;
  }
  if (!hasRoom) {
    state.counters.data_no_room++;
    return NOTHING;
  }
  state.counters.data_received++;
  state.expected = (state.expected + 1) & 7;
  state.accepted++;
  state.nakked = false;
  state.nakDue = false;
  oweAcknowledgement(state, now);
  return { packet: frame.payload };
}

/** Ahead or behind cannot be told apart: dropped, and answered with NAK once, then every 100 ms. */
function receiveOutOfSequence(state: ArqState, now: number): void {
  state.counters.data_out_of_sequence++;
  noteLoss(state);
  if (!state.nakked || now - state.lastNakAt >= state.config.limits.nak_repeat) {
    state.nakDue = true;
    return;
  }
  oweAcknowledgement(state, now);
}

/**
 * An ACK is due within the delay, or at once when half the window is unacknowledged; after two
 * frames in any case, as the other end may use fewer than the window, and after one where it likely
 * sends one by one.
 */
function oweAcknowledgement(state: ArqState, now: number): void {
  state.unacknowledged++;
  const many = sendsOneByOne(state) ? 1 : ACK_AFTER;
  const due = state.unacknowledged * 2 >= state.window || state.unacknowledged >= many;
  state.ackAt = due ? now : Math.min(state.ackAt, now + state.config.limits.ack_delay);
}

const ACK_AFTER = 2;

function changed(change: ChannelChange | undefined): Received {
  return change === undefined ? NOTHING : { change };
}
