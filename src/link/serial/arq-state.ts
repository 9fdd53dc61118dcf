import { MAX_WINDOW } from '../../wire/serial-frame.js';
import { FIRST_HINT } from './packet-hint.js';
import { INTACT_AFTER } from './send-window.js';

/**
 * The state of one end of the serial link (docs/protocol.md, "Serial link"): plain data, so that
 * structuredClone copies it and a test may walk every path from it. The step functions
 * (arq-receive.ts, arq-transmit.ts, arq-session.ts) change it; they read no clock and do no I/O.
 * Times are milliseconds of any clock that only goes forward, and may be fractions.
 */
export interface ArqState {
  readonly config: ArqConfig;
  phase: ArqPhase;
  /** Counts the times `phase` became `up` or `plain`. */
  channel: number;

  /** The running session's value, of a driver the one it asks for; meaningless otherwise. */
  session: number;
  /** Sessions this driver had and left: an RSTACK with one of them says that the device went back to it. */
  formerSessions: number[];
  /** Values of the device's RSTs that this driver has acted on. */
  actedOnRsts: number[];
  /** Of those, one came again since the last valid frame of the session. */
  actedOnRstSeen: boolean;
  /** The state of the generator of session values. */
  seed: number;

  /** What both sides agreed on; the own offer before. */
  window: number;
  maxPayload: number;

  /** When the next RST goes out, while there is no session. */
  nextRstAt: number;
  rstPause: number;
  lastRstAt: number;
  /** RSTs since the opening began that no RESET frame followed. */
  unansweredRsts: number;
  /** A valid PLAIN frame came since the opening began. */
  plainHeard: boolean;
  rstackDue: boolean;
  /** Device: the session has begun and its RSTACK is not out yet, so that nothing in it can have come. */
  fresh: boolean;

  /** N(S) of the oldest frame in flight. */
  una: number;
  /** Unacknowledged frames, oldest first; at most `window`. */
  inFlight: FrameInFlight[];
  /** How many of `inFlight` this pass has put on the wire; a resend begins again at 0. */
  sent: number;
  /** DATA frames of this session put on the wire, resent ones not counted. */
  dataSent: number;
  /** Grows with each write; says which write a frame went out with. */
  writeId: number;
  /** When a frame was last acknowledged. */
  progressAt: number;
  /** Runs of the timer since then. */
  misses: number;
  /** NAKs with this N(R) are ignored, or -1. */
  ignoredNak: number;
  /** N(R)s outside and inside what is in flight, since the timer last ran out. */
  strayAcks: number;
  soundAcks: number;
  /** Runs of the timer before which only stray N(R)s came, since the last sound one. */
  strayMisses: number;
  /** Smoothed round trip and its deviation; NaN before the first measure. */
  srtt: number;
  rttvar: number;
  /** The measure is of a frame that was resent, and may be too long. */
  roundTripIsGuess: boolean;
  /** Acknowledgements in a row of frames that were resent, of which no measure could be taken. */
  unmeasured: number;
  /** The shortest round trip lately, 0 before the first measure. */
  shortestRtt: number;
  /** Frames acknowledged since the line last repeated or swapped some, less a penalty; see send-window.ts. */
  orderly: number;
  /** Frames acknowledged since the line last lost or damaged one. */
  intact: number;
  /** The largest packet worth sending now. */
  hint: number;
  /** Frames acknowledged without a resend since `hint` last changed. */
  cleanFrames: number;

  /** N(R): the next N(S) expected. */
  expected: number;
  /** Frames accepted and not acknowledged. */
  unacknowledged: number;
  /** Frames accepted in this session. */
  accepted: number;
  /** When an ACK must go out, Infinity if there is nothing to acknowledge. */
  ackAt: number;
  nakDue: boolean;
  /** A NAK went out since the last accepted frame. */
  nakked: boolean;
  lastNakAt: number;

  /** When the last valid frame came. */
  lastHeardAt: number;
  readonly counters: ArqCounters;
}

/** `opening`: no session; `up`: in a session; `plain`: PLAIN frames only. */
export type ArqPhase = 'opening' | 'up' | 'plain';

export interface FrameInFlight {
  readonly payload: Uint8Array;
  /** The write that carried it last, 0 before the first. */
  writeId: number;
  transmissions: number;
  firstSentAt: number;
  /** When it was last handed to the stream, and when the stream had written it out (NaN before). */
  sentAt: number;
  outAt: number;
}

export interface ArqConfig {
  readonly role: 'driver' | 'device';
  /** `auto` is for drivers: PLAIN when the device turns out to know nothing else. */
  readonly mode: SerialMode;
  /** Offers: frames back to back, and the largest packet. */
  readonly window: number;
  readonly maxPayload: number;
  /** What the line carries; Infinity where it has no speed. */
  readonly bytesPerMs: number;
  readonly limits: ArqLimits;
}

export type SerialMode = 'reliable' | 'plain' | 'auto';

/** Time limits by their names in base/timeouts.ts, milliseconds. */
export interface ArqLimits {
  readonly rst_retry: number;
  readonly rst_retry_max: number;
  readonly ack_delay: number;
  readonly retransmit_min: number;
  readonly retransmit_max: number;
  readonly nak_repeat: number;
  readonly plain_rst_silence: number;
}

/** Misses of one frame after which the session is over. */
export const MAX_MISSES = 10;
/** RSTs that stay unanswered before `auto` takes PLAIN. */
export const PLAIN_AFTER_RSTS = 5;
/** Session values remembered. */
const REMEMBERED = 8;

/** One counter for each kind and fate of a frame. */
export interface ArqCounters {
  sessions: number;
  sessions_lost: number;
  rst_sent: number;
  rst_received: number;
  rst_ignored: number;
  rstack_received: number;
  rstack_ignored: number;
  data_sent: number;
  data_resent: number;
  data_received: number;
  data_out_of_sequence: number;
  data_stale: number;
  data_no_room: number;
  ack_sent: number;
  ack_received: number;
  nak_sent: number;
  nak_received: number;
  nr_out_of_range: number;
  timeouts: number;
  overdue: number;
  no_session: number;
  plain_sent: number;
  plain_received: number;
  plain_dropped: number;
}

const NO_COUNTS: ArqCounters = {
  sessions: 0,
  sessions_lost: 0,
  rst_sent: 0,
  rst_received: 0,
  rst_ignored: 0,
  rstack_received: 0,
  rstack_ignored: 0,
  data_sent: 0,
  data_resent: 0,
  data_received: 0,
  data_out_of_sequence: 0,
  data_stale: 0,
  data_no_room: 0,
  ack_sent: 0,
  ack_received: 0,
  nak_sent: 0,
  nak_received: 0,
  nr_out_of_range: 0,
  timeouts: 0,
  overdue: 0,
  no_session: 0,
  plain_sent: 0,
  plain_received: 0,
  plain_dropped: 0,
};

/** One end at its start. `seed` is a random 32-bit number: session values come from it. */
export function newArq(config: ArqConfig, seed: number, now: number): ArqState {
  const state: ArqState = {
    config,
    phase: 'opening',
    channel: 0,
    session: 0,
    formerSessions: [],
    actedOnRsts: [],
    actedOnRstSeen: false,
    seed: seed >>> 0 || 1,
    window: Math.min(config.window, MAX_WINDOW),
    maxPayload: config.maxPayload,
    nextRstAt: now,
    rstPause: config.limits.rst_retry,
    lastRstAt: Number.NEGATIVE_INFINITY,
    unansweredRsts: 0,
    plainHeard: false,
    rstackDue: false,
    fresh: false,
    una: 0,
    inFlight: [],
    sent: 0,
    dataSent: 0,
    writeId: 0,
    progressAt: now,
    misses: 0,
    ignoredNak: -1,
    strayAcks: 0,
    soundAcks: 0,
    strayMisses: 0,
    srtt: Number.NaN,
    rttvar: 0,
    roundTripIsGuess: false,
    unmeasured: 0,
    shortestRtt: 0,
    orderly: 0,
    intact: INTACT_AFTER,
    hint: FIRST_HINT,
    cleanFrames: 0,
    expected: 0,
    unacknowledged: 0,
    accepted: 0,
    ackAt: Number.POSITIVE_INFINITY,
    nakDue: false,
    nakked: false,
    lastNakAt: Number.NEGATIVE_INFINITY,
    lastHeardAt: now,
    counters: { ...NO_COUNTS },
  };
  state.session = freshSession(state);
  if (config.mode === 'plain') {
    state.phase = 'plain';
    state.channel = 1;
  }
  return state;
}

/** The next session value: never 0, and no value twice in 2^32 - 1 of them (xorshift32). */
export function freshSession(state: ArqState): number {
  let x = state.seed;
  x ^= x << 13;
  x ^= x >>> 17;
  x ^= x << 5;
  state.seed = x >>> 0;
  return state.seed;
}

/** Appends to a short memory of session values, where it is not in it yet. */
export function remember(values: number[], value: number): void {
  if (values.includes(value)) return;
  values.push(value);
  if (values.length > REMEMBERED) values.shift();
}
