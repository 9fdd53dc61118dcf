import type { SerialFrame } from '../../wire/serial-frame.js';
import { type ChannelChange, considerPlain, loseSession, nextRst, offer } from './arq-session.js';
import { type ArqState, MAX_MISSES } from './arq-state.js';
import { losesFrames, noteResend } from './packet-hint.js';
import { retransmitDelay } from './round-trip.js';
import { isIntact, noteLoss, sendWindow } from './send-window.js';

/** How many more packets {@link sendPacket} takes; 0 without a session. */
export function sendRoom(state: ArqState): number {
  if (state.phase === 'opening') return 0;
  return Math.max(0, (state.phase === 'up' ? sendWindow(state) : state.window) - state.inFlight.length);
}

/** Takes a packet to send, where there is room; {@link transmit} puts it on the wire. */
export function sendPacket(state: ArqState, payload: Uint8Array): void {
  const never = Number.NaN;
  state.inFlight.push({
    payload,
    writeId: 0,
    transmissions: 0,
    firstSentAt: never,
    sentAt: never,
    outAt: never,
  });
}

/**
 * All frames that are to be written now, in order; none when nothing is due. They belong to one
 * write, of which {@link ArqState.writeId} is the number until the next call.
 */
export function transmit(state: ArqState, now: number): SerialFrame[] {
  const frames: SerialFrame[] = [];
  if (state.phase === 'opening' && now >= state.nextRstAt) frames.push(nextRst(state, now));
  if (state.rstackDue) {
    frames.push(offer(state, 'rstack'));
    state.rstackDue = false;
    state.fresh = false;
  }
  if (state.phase === 'up') transmitSession(state, now, frames);
  if (state.phase === 'plain') transmitPlain(state, now, frames);
  if (frames.length > 0) state.writeId++;
  return frames;
}

function transmitSession(state: ArqState, now: number, frames: SerialFrame[]): void {
  if (state.nakDue) {
    frames.push({ kind: 'ack', nr: state.expected, nak: true });
    state.counters.nak_sent++;
    state.nakDue = false;
    state.nakked = true;
    state.lastNakAt = now;
    acknowledged(state);
  }
  const { inFlight } = state;
  // A frame that is lost takes its N(R) with it, and then both ends may wait for each other: on a
  // line that loses frames a short ACK, which mostly gets through, says it again.
  const sayTwice = state.unacknowledged > 0 && state.sent < inFlight.length && losesFrames(state);
  for (let i = state.sent; i < inFlight.length; i++) {
    const frame = inFlight[i]!;
    frames.push({ kind: 'data', ns: (state.una + i) & 7, nr: state.expected, payload: frame.payload });
    if (frame.transmissions > 0) state.counters.data_resent++;
    else {
      state.dataSent++;
      frame.firstSentAt = now;
    }
    frame.transmissions++;
    frame.writeId = state.writeId + 1;
    frame.sentAt = now;
    frame.outAt = Number.NaN;
    state.counters.data_sent++;
    acknowledged(state);
  }
  state.sent = inFlight.length;
  if (sayTwice || now >= state.ackAt) {
    frames.push({ kind: 'ack', nr: state.expected, nak: false });
    state.counters.ack_sent++;
    acknowledged(state);
  }
}

/** PLAIN frames hold their place in the window until the stream has written them out. */
function transmitPlain(state: ArqState, now: number, frames: SerialFrame[]): void {
  for (const frame of state.inFlight) {
    if (frame.transmissions > 0) continue;
    frames.push({ kind: 'plain', payload: frame.payload });
    frame.transmissions = 1;
    frame.writeId = state.writeId + 1;
    frame.sentAt = now;
    state.counters.plain_sent++;
  }
}

/** A frame with the present N(R) goes out: nothing is left to acknowledge. */
function acknowledged(state: ArqState): void {
  state.unacknowledged = 0;
  state.ackAt = Number.POSITIVE_INFINITY;
}

/** The stream has written out all up to this write. */
export function written(state: ArqState, writeId: number, now: number): void {
  if (state.phase === 'plain') {
    state.inFlight = state.inFlight.filter((frame) => frame.transmissions === 0 || frame.writeId > writeId);
    return;
  }
  for (const frame of state.inFlight) {
    if (frame.transmissions > 0 && frame.writeId <= writeId && Number.isNaN(frame.outAt)) frame.outAt = now;
  }
}

/** When {@link tick} or {@link transmit} has something to do, if nothing else happens; Infinity: never. */
export function deadline(state: ArqState): number {
  switch (state.phase) {
    case 'opening':
      return state.nextRstAt;
    case 'plain':
      return state.config.mode === 'auto'
        ? state.lastHeardAt + state.config.limits.plain_rst_silence
        : Number.POSITIVE_INFINITY;
    case 'up':
      return Math.min(state.ackAt, retransmitAt(state));
  }
}

/** When the timer of the oldest frame runs out: it starts when its bytes were written out. */
function retransmitAt(state: ArqState): number {
  const oldest = state.inFlight[0];
  if (oldest === undefined || state.sent === 0 || Number.isNaN(oldest.outAt)) return Number.POSITIVE_INFINITY;
  return Math.max(oldest.outAt, state.progressAt) + retransmitDelay(state);
}

/** Time has passed: runs what is due. Frames that follow from it come from {@link transmit}. */
export function tick(state: ArqState, now: number): ChannelChange | undefined {
  if (state.phase === 'opening') return considerPlain(state, now);
  if (now < deadline(state)) return undefined;
  if (state.phase === 'plain') return loseSession(state, 'nothing heard on the PLAIN channel', now);
  return now >= retransmitAt(state) ? timerRanOut(state, now) : undefined;
}

function timerRanOut(state: ArqState, now: number): ChannelChange | undefined {
  state.counters.timeouts++;
  state.misses++;
  if (state.strayAcks > 0 && state.soundAcks === 0) state.strayMisses++;
  state.strayAcks = 0;
  state.soundAcks = 0;
  if (state.misses >= MAX_MISSES) return loseSession(state, 'the other end no longer answers', now);
  if (state.strayMisses >= OUT_OF_STEP_AFTER) return loseSession(state, 'both ends are out of step', now);
  if (state.actedOnRstSeen && state.misses >= OUT_OF_STEP_AFTER) {
    return loseSession(state, 'the device says again that it has no session', now);
  }
  state.ignoredNak = -1;
  state.sent = 0;
  // On a line that is intact the other end was busy, more likely than not; it says so when it was.
  if (state.misses === 1 && isIntact(state)) return undefined;
  noteResend(state);
  noteLoss(state);
  return undefined;
}

/**
 * Misses without a sound acknowledgement after which evidence that both sides mean different sessions is believed: only
 * N(R)s of what was never sent, or an RST that looked like a late copy. Waiting for all ten misses
 * would cost seconds.
 */
const OUT_OF_STEP_AFTER = 3;
