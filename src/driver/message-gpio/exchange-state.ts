import type { Command, Inbound } from './rules.js';

/**
 * One request in flight and its reply, on a channel whose replies may say nothing of what they
 * answer (docs/dialects.md, "Replies"): a pure state machine. {@link step} changes plain data, reads
 * no clock and does no I/O. Times are milliseconds of a clock that only goes forward.
 *
 * A reply is believed only when no earlier one can still be on its way. Each channel begins with a
 * read whose reply is not used, and a short quiet time after it; so does going on after a reply
 * that stayed away. Replies come in the order of their requests, so that whatever was late is
 * behind us then.
 */
export interface ExchangeState {
  readonly config: ExchangeConfig;
  phase: Phase;
  /** What was asked by callers, and by the driver itself; they take turns. */
  readonly waiting: Ask[];
  readonly own: Ask[];
  ownTurn: boolean;
  /** Asks of callers stay where they are; so from every `ready` on that is anew. */
  held: boolean;
  inFlight: Ask | undefined;
  /** Of what is in flight, of the probe, of the quiet time or of the doubt. */
  until: number;
  /** Probes since the last reply. */
  probes: number;
  /** Requests in a row that timed out. */
  missed: number;
  /** The lines are not known to be as they were: the channel is new, or the firmware was silent. */
  anew: boolean;
  /** The new channel is of our own making. */
  renewing: boolean;
  /** SRTM: lines with a reply owed, and until when it is waited for. */
  readonly doubts: Map<number, Doubt>;
}

/**
 * `down`: no channel. `probing`: a read is repeated until anything is answered. `settling`: quiet is
 * waited for. `ready`: requests are sent. `doubt`: one reply is owed, and nothing is sent.
 */
export type Phase = 'down' | 'probing' | 'settling' | 'ready' | 'doubt';

export interface ExchangeConfig {
  /** Limit `request`: a reply, and an ask that waits for its turn. */
  readonly limitMs: number;
  /** Limit `reply_settle`. */
  readonly settleMs: number;
  /** Limits `hello` and `hello_max`: between probes. */
  readonly probeMs: number;
  readonly probeMaxMs: number;
  /** Replies say what they answer. */
  readonly tagged: boolean;
  /** The channel can be replaced by one that earlier replies cannot reach. */
  canRenew: boolean;
  /** Asks of callers that may wait. */
  readonly mostWaiting: number;
}

export interface Ask {
  readonly id: number;
  readonly command: Command;
  /** When it is given up; Infinity for the driver's own while they wait. */
  readonly deadline: number;
}

interface Doubt {
  readonly command: Command;
  readonly until: number;
}

export type ExchangeInput =
  | { readonly kind: 'up' }
  /** The channel is gone; what was asked ends with it, unless it is being replaced and not `final`. */
  | { readonly kind: 'down'; readonly final: boolean }
  | { readonly kind: 'ask'; readonly id: number; readonly command: Command; readonly own: boolean }
  /** Forgets an ask that was not sent yet. */
  | { readonly kind: 'cancel'; readonly id: number }
  | { readonly kind: 'hold'; readonly held: boolean }
  | { readonly kind: 'reply'; readonly reply: Extract<Inbound, { kind: 'reply' }> }
  | { readonly kind: 'tick' };

export type ExchangeOutput =
  /** Without an id: the probe. */
  | { readonly kind: 'send'; readonly id: number; readonly command: Command }
  | { readonly kind: 'probe' }
  | { readonly kind: 'answered'; readonly id: number; readonly status: number; readonly value: number }
  /** `sent`: whether it took effect is unknown. */
  | { readonly kind: 'expired'; readonly id: number; readonly sent: boolean }
  | { readonly kind: 'refused'; readonly id: number }
  | { readonly kind: 'lost'; readonly id: number; readonly sent: boolean }
  /** Replace the channel. */
  | { readonly kind: 'renew' }
  /** So many probes stayed unanswered. */
  | { readonly kind: 'silent'; readonly probes: number }
  /** Requests are sent from here on; `anew`: every line has to be set again, `renewed`: armed again. */
  | { readonly kind: 'ready'; readonly anew: boolean; readonly renewed: boolean }
  /** A reply that was owed. */
  | { readonly kind: 'late' }
  /** A reply to nothing that was asked. */
  | { readonly kind: 'unexpected' };

export function newExchange(config: ExchangeConfig): ExchangeState {
  return {
    config,
    phase: 'down',
    waiting: [],
    own: [],
    ownTurn: true,
    held: true,
    inFlight: undefined,
    until: Number.POSITIVE_INFINITY,
    probes: 0,
    missed: 0,
    anew: true,
    renewing: false,
    doubts: new Map(),
  };
}

/** Takes an input at `now`, changes `state`, and returns what is to be done, in order. */
export function step(state: ExchangeState, input: ExchangeInput, now: number): ExchangeOutput[] {
  const out: ExchangeOutput[] = [];
  switch (input.kind) {
    case 'up':
      state.doubts.clear();
      state.missed = 0;
      if (!state.renewing) state.anew = true;
      beginProbing(state, now, out);
      break;
    case 'down':
      if (input.final) state.renewing = false;
      goDown(state, out);
      break;
    case 'ask':
      takeAsk(state, input, now, out);
      break;
    case 'cancel':
      for (const asks of [state.own, state.waiting]) {
        const index = asks.findIndex(({ id }) => id === input.id);
        if (index >= 0) asks.splice(index, 1);
      }
      break;
    case 'hold':
      state.held = input.held;
      break;
    case 'reply':
      takeReply(state, input.reply, now, out);
      break;
    case 'tick':
      passTime(state, now, out);
      break;
  }
  sendNext(state, now, out);
  return out;
}

/** When the next `tick` is due; Infinity: none is. */
export function nextTick(state: ExchangeState): number {
  let at = state.until;
  for (const { deadline } of state.waiting) at = Math.min(at, deadline);
  for (const { until } of state.doubts.values()) at = Math.min(at, until);
  return at;
}

function takeAsk(
  state: ExchangeState,
  { id, command, own }: Extract<ExchangeInput, { kind: 'ask' }>,
  now: number,
  out: ExchangeOutput[],
): void {
  if (own) state.own.push({ id, command, deadline: Number.POSITIVE_INFINITY });
  else if (state.waiting.length >= state.config.mostWaiting) out.push({ kind: 'refused', id });
  else state.waiting.push({ id, command, deadline: now + state.config.limitMs });
}

function goDown(state: ExchangeState, out: ExchangeOutput[]): void {
  const { inFlight } = state;
  if (inFlight !== undefined) out.push({ kind: 'lost', id: inFlight.id, sent: true });
  state.inFlight = undefined;
  state.phase = 'down';
  state.until = Number.POSITIVE_INFINITY;
  state.doubts.clear();
  if (state.renewing) return;
  for (const { id } of [...state.own.splice(0), ...state.waiting.splice(0)]) {
    out.push({ kind: 'lost', id, sent: false });
  }
}

function takeReply(
  state: ExchangeState,
  reply: Extract<Inbound, { kind: 'reply' }>,
  now: number,
  out: ExchangeOutput[],
): void {
  switch (state.phase) {
    case 'down':
      out.push({ kind: 'unexpected' });
      break;
    case 'probing':
      state.phase = 'settling';
      state.until = now + state.config.settleMs;
      break;
    case 'settling':
      state.until = now + state.config.settleMs;
      out.push({ kind: 'late' });
      break;
    case 'doubt':
      // Replies come in order: with this one, nothing is owed any more.
      state.phase = 'ready';
      state.until = Number.POSITIVE_INFINITY;
      state.missed = 0;
      out.push({ kind: 'late' });
      break;
    case 'ready':
      answer(state, reply, out);
      break;
  }
}

function answer(
  state: ExchangeState,
  { status, value, to }: Extract<Inbound, { kind: 'reply' }>,
  out: ExchangeOutput[],
): void {
  const { inFlight } = state;
  if (inFlight !== undefined && (to === undefined || isSame(inFlight.command, to))) {
    state.inFlight = undefined;
    state.until = Number.POSITIVE_INFINITY;
    state.missed = 0;
    out.push({ kind: 'answered', id: inFlight.id, status, value });
    return;
  }
  const doubt = to === undefined ? undefined : state.doubts.get(laneOf(to));
  if (doubt === undefined || !isSame(doubt.command, to!)) {
    out.push({ kind: 'unexpected' });
    return;
  }
  state.doubts.delete(laneOf(doubt.command));
  out.push({ kind: 'late' });
}

function passTime(state: ExchangeState, now: number, out: ExchangeOutput[]): void {
  for (const [lane, { until }] of state.doubts) {
    if (until > now) continue;
    state.doubts.delete(lane);
    // Nothing at all was answered since: is anybody there?
    if (state.phase === 'ready' && state.missed > 0 && state.inFlight === undefined) {
      beginProbing(state, now, out);
    }
  }
  const expired = state.waiting.filter(({ deadline }) => deadline <= now);
  for (const ask of expired) {
    state.waiting.splice(state.waiting.indexOf(ask), 1);
    out.push({ kind: 'expired', id: ask.id, sent: false });
  }
  if (state.until > now) return;
  switch (state.phase) {
    case 'probing':
      state.probes++;
      state.anew = true;
      out.push({ kind: 'silent', probes: state.probes });
      sendProbe(state, now, out);
      break;
    case 'settling':
      goReady(state, out);
      break;
    case 'doubt':
      beginProbing(state, now, out);
      break;
    case 'ready':
      missReply(state, now, out);
      break;
    case 'down':
      break;
  }
}

/** Nobody knows whether it took effect, nor when its reply will come. */
function missReply(state: ExchangeState, now: number, out: ExchangeOutput[]): void {
  const { config, inFlight } = state;
  if (inFlight === undefined) return;
  state.inFlight = undefined;
  state.until = Number.POSITIVE_INFINITY;
  state.missed++;
  out.push({ kind: 'expired', id: inFlight.id, sent: true });
  if (config.canRenew) {
    state.renewing = true;
    state.phase = 'down';
    out.push({ kind: 'renew' });
  } else if (config.tagged && state.missed === 1) {
    state.doubts.set(laneOf(inFlight.command), {
      command: inFlight.command,
      until: now + config.limitMs,
    });
  } else if (config.tagged) {
    beginProbing(state, now, out);
  } else {
    state.phase = 'doubt';
    state.until = now + config.limitMs;
  }
}

function beginProbing(state: ExchangeState, now: number, out: ExchangeOutput[]): void {
  state.phase = 'probing';
  state.probes = 0;
  sendProbe(state, now, out);
}

function sendProbe(state: ExchangeState, now: number, out: ExchangeOutput[]): void {
  const { probeMs, probeMaxMs } = state.config;
  state.until = now + Math.min(probeMs * 2 ** Math.min(state.probes, 30), Math.max(probeMs, probeMaxMs));
  out.push({ kind: 'probe' });
}

function goReady(state: ExchangeState, out: ExchangeOutput[]): void {
  const { anew, renewing } = state;
  state.phase = 'ready';
  state.until = Number.POSITIVE_INFINITY;
  state.missed = 0;
  state.anew = false;
  state.renewing = false;
  state.doubts.clear();
  // Until the lines are as they were, and hold says so.
  if (anew) state.held = true;
  out.push({ kind: 'ready', anew, renewed: renewing });
}

function sendNext(state: ExchangeState, now: number, out: ExchangeOutput[]): void {
  if (state.phase !== 'ready' || state.inFlight !== undefined) return;
  const ask = takeNext(state);
  if (ask === undefined) return;
  state.inFlight = ask;
  state.until = now + state.config.limitMs;
  out.push({ kind: 'send', id: ask.id, command: ask.command });
}

/** Callers and the driver's own re-arming take turns, so that neither starves the other. */
function takeNext(state: ExchangeState): Ask | undefined {
  const { own, held } = state;
  const waiting = held ? NONE : state.waiting;
  const first = state.ownTurn ? own : waiting;
  const second = state.ownTurn ? waiting : own;
  const ask = takeSendable(state, first);
  if (ask !== undefined) {
    state.ownTurn = !state.ownTurn;
    return ask;
  }
  return takeSendable(state, second);
}

const NONE: Ask[] = [];

/** The first whose line owes no reply; the order of a line is kept. */
function takeSendable({ doubts }: ExchangeState, asks: Ask[]): Ask | undefined {
  if (doubts.size === 0) return asks.shift();
  const index = asks.findIndex(({ command }) => !doubts.has(laneOf(command)));
  return index < 0 ? undefined : asks.splice(index, 1)[0];
}

function laneOf({ port, line }: Pick<Command, 'port' | 'line'>): number {
  return port * 0x1_0000 + line;
}

function isSame(a: Pick<Command, 'cmd' | 'port' | 'line'>, b: typeof a): boolean {
  return a.cmd === b.cmd && a.line === b.line && a.port === b.port;
}
