import { MAX_PAYLOAD, type ResetFrame } from '../../wire/serial-frame.js';
import { type ArqState, freshSession, PLAIN_AFTER_RSTS, remember } from './arq-state.js';

/** Opening, losing and replacing sessions (docs/protocol.md, "Opening a session"). */

/** What happened to the channel in a step; undefined when nothing did. */
export type ChannelChange =
  /** A channel is up: a session, or PLAIN. */
  | { readonly kind: 'up' }
  /** The channel broke; a new one is being opened. */
  | { readonly kind: 'broken'; readonly reason: string }
  /** A device's channel was replaced by a new one at once. */
  | { readonly kind: 'replaced'; readonly reason: string };

/** Takes an RST or RSTACK. */
export function takeReset(state: ArqState, frame: ResetFrame, now: number): ChannelChange | undefined {
  count(state, frame);
  if (state.config.mode === 'plain') return ignore(state, frame);
  state.unansweredRsts = 0;
  if (state.config.role === 'device') {
    return frame.kind === 'rst' ? deviceTakesRst(state, frame, now) : ignore(state, frame);
  }
  if (state.phase === 'plain') {
    if (frame.kind === 'rst') remember(state.actedOnRsts, frame.session);
    return loseSession(state, 'the device can do more than PLAIN', now);
  }
  return frame.kind === 'rst' ? driverTakesRst(state, frame, now) : driverTakesRstack(state, frame, now);
}

function deviceTakesRst(state: ArqState, frame: ResetFrame, now: number): ChannelChange | undefined {
  state.rstackDue = true;
  if (state.phase === 'up' && frame.session === state.session) return undefined;
  const replaced = state.phase === 'up';
  state.session = frame.session;
  beginSession(state, frame, now);
  state.fresh = true;
  return replaced ? { kind: 'replaced', reason: 'the driver opened a new session' } : { kind: 'up' };
}

function driverTakesRst(state: ArqState, frame: ResetFrame, now: number): ChannelChange | undefined {
  const known = state.actedOnRsts.includes(frame.session);
  remember(state.actedOnRsts, frame.session);
  if (state.phase === 'opening') {
    state.rstPause = state.config.limits.rst_retry;
    state.nextRstAt = Math.min(state.nextRstAt, state.lastRstAt + state.config.limits.rst_retry);
    return undefined;
  }
  if (!known) return loseSession(state, 'the device has no session', now);
  state.actedOnRstSeen = true;
  return ignore(state, frame);
}

function driverTakesRstack(state: ArqState, frame: ResetFrame, now: number): ChannelChange | undefined {
  if (state.phase === 'opening' && frame.session === state.session) {
    beginSession(state, frame, now);
    return { kind: 'up' };
  }
  if (state.phase === 'up' && state.formerSessions.includes(frame.session)) {
    // A late RST of that session reached the device: it has dropped the running one.
    return loseSession(state, 'the device went back to an earlier session', now);
  }
  return ignore(state, frame);
}

/** Both sides use the smaller of what they offer. */
function beginSession(state: ArqState, other: ResetFrame, now: number): void {
  clearTransfer(state, now);
  state.window = Math.min(state.config.window, other.window);
  state.maxPayload = Math.min(state.config.maxPayload, other.maxPayload);
  state.hint = Math.min(state.hint, state.maxPayload);
  enter(state, 'up');
  state.counters.sessions++;
}

/** The session is over, or was none: a driver asks for a new one at once, a device says it has none. */
export function loseSession(state: ArqState, reason: string, now: number): ChannelChange {
  if (state.phase === 'up') {
    state.counters.sessions_lost++;
    if (state.config.role === 'driver') remember(state.formerSessions, state.session);
  }
  clearTransfer(state, now);
  state.phase = 'opening';
  state.session = freshSession(state);
  state.nextRstAt = Math.max(now, state.lastRstAt + state.config.limits.rst_retry);
  state.rstPause = state.config.limits.rst_retry;
  state.unansweredRsts = 0;
  state.plainHeard = false;
  state.rstackDue = false;
  return { kind: 'broken', reason };
}

function enter(state: ArqState, phase: 'up' | 'plain'): void {
  state.phase = phase;
  state.channel++;
}

function clearTransfer(state: ArqState, now: number): void {
  state.una = 0;
  state.inFlight = [];
  state.sent = 0;
  state.dataSent = 0;
  state.progressAt = now;
  state.misses = 0;
  state.ignoredNak = -1;
  state.strayAcks = 0;
  state.soundAcks = 0;
  state.strayMisses = 0;
  state.expected = 0;
  state.unacknowledged = 0;
  state.accepted = 0;
  state.ackAt = Number.POSITIVE_INFINITY;
  state.nakDue = false;
  state.nakked = false;
  state.lastNakAt = Number.NEGATIVE_INFINITY;
  state.actedOnRstSeen = false;
  state.lastHeardAt = now;
  state.fresh = false;
}

/** A driver set to `auto` takes PLAIN when its RSTs stay unanswered and PLAIN frames come. */
export function considerPlain(state: ArqState, now: number): ChannelChange | undefined {
  const { role, mode, maxPayload } = state.config;
  if (role !== 'driver' || mode !== 'auto' || state.phase !== 'opening') return undefined;
  if (!state.plainHeard || unanswered(state, now) < PLAIN_AFTER_RSTS) return undefined;
  clearTransfer(state, now);
  state.maxPayload = Math.min(maxPayload, MAX_PAYLOAD);
  state.hint = state.maxPayload;
  enter(state, 'plain');
  return { kind: 'up' };
}

/** RSTs that had their time to be answered and were not. */
function unanswered(state: ArqState, now: number): number {
  const justSent = now - state.lastRstAt < state.config.limits.rst_retry;
  return state.unansweredRsts - (justSent ? 1 : 0);
}

/** True when a driver set to `auto` should try a request sent PLAIN: no RST was answered. */
export function shouldProbePlain(state: ArqState): boolean {
  const { role, mode } = state.config;
  return (
    role === 'driver' &&
    mode === 'auto' &&
    state.phase === 'opening' &&
    state.unansweredRsts >= PLAIN_AFTER_RSTS &&
    !state.plainHeard
  );
}

/** A device without a session says so, at most once in 100 ms, to whoever believes in one. */
export function answerWithRst(state: ArqState, now: number): void {
  state.counters.no_session++;
  if (state.config.role !== 'device') return;
  if (now - state.lastRstAt >= state.config.limits.rst_retry) state.nextRstAt = now;
}

/** The RST that goes out now. */
export function nextRst(state: ArqState, now: number): ResetFrame {
  const { rst_retry_max } = state.config.limits;
  state.lastRstAt = now;
  state.nextRstAt = now + state.rstPause;
  state.rstPause = Math.min(state.rstPause * 2, rst_retry_max);
  state.unansweredRsts++;
  state.counters.rst_sent++;
  return offer(state, 'rst');
}

/** An RST or RSTACK with what this side offers. */
export function offer(state: ArqState, kind: 'rst' | 'rstack'): ResetFrame {
  return { kind, window: state.config.window, maxPayload: state.config.maxPayload, session: state.session };
}

function count(state: ArqState, frame: ResetFrame): void {
  if (frame.kind === 'rst') state.counters.rst_received++;
  else state.counters.rstack_received++;
}

function ignore(state: ArqState, frame: ResetFrame): undefined {
  if (frame.kind === 'rst') state.counters.rst_ignored++;
  else state.counters.rstack_ignored++;
  return undefined;
}
