import type { Ask, ExchangeConfig, ExchangeInput, ExchangeOutput, ExchangeState } from './exchange-types.js';
import type { Command, Inbound } from './rules.js';

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
    owed: 0,
    unsure: false,
    inherited: true,
    probedAt: 0,
    tookMs: 0,
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
      beginChannel(state, input.unsure);
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

/** On a channel of our own making nothing is owed. */
function beginChannel(state: ExchangeState, unsure: boolean): void {
  state.doubts.clear();
  state.missed = 0;
  state.owed = 0;
  state.unsure = unsure;
  state.inherited = !state.renewing;
  if (!state.renewing) state.anew = true;
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
      state.tookMs = now - state.probedAt;
      countOwed(state, reply);
      state.until = now + quietMs(state);
      break;
    case 'settling':
      countOwed(state, reply);
      state.until = now + quietMs(state);
      out.push({ kind: 'late' });
      break;
    case 'doubt':
      // Replies come in order: with this one, nothing is owed any more.
      state.phase = 'ready';
      state.owed = 0;
      state.until = Number.POSITIVE_INFINITY;
      state.missed = 0;
      out.push({ kind: 'late' });
      break;
    case 'ready':
      answer(state, reply, out);
      break;
  }
}

/** One that was owed; or one too many, so that nobody knows how many more there are. */
function countOwed(state: ExchangeState, { to }: Extract<Inbound, { kind: 'reply' }>): void {
  if (to !== undefined && !isSame(state.config.probe, to)) return;
  if (state.owed > 0) state.owed--;
  else state.unsure = true;
}

/**
 * How long nothing may come before replies are believed. On a channel where an earlier run may have
 * asked, what came first may be its answer: ours is not far off then where the firmware is quick.
 */
function quietMs({ config, owed, unsure, inherited, tookMs }: ExchangeState): number {
  const { limitMs, settleMs } = config;
  if (owed > 0 || unsure) return Math.max(limitMs, settleMs);
  return inherited ? Math.max(settleMs, Math.min(tookMs * SLOWEST_OF_QUICKEST, limitMs)) : settleMs;
}

/** Answers of the same firmware take at most so many times as long as others. */
const SLOWEST_OF_QUICKEST = 8;

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
    state.owed = 1;
    state.until = now + config.limitMs;
  }
}

function beginProbing(state: ExchangeState, now: number, out: ExchangeOutput[]): void {
  state.phase = 'probing';
  state.probes = 0;
  state.probedAt = now;
  sendProbe(state, now, out);
}

function sendProbe(state: ExchangeState, now: number, out: ExchangeOutput[]): void {
  const { probeMs, probeMaxMs } = state.config;
  state.until = now + Math.min(probeMs * 2 ** Math.min(state.probes, 30), Math.max(probeMs, probeMaxMs));
  state.owed++;
  out.push({ kind: 'probe' });
}

function goReady(state: ExchangeState, out: ExchangeOutput[]): void {
  const { anew, renewing } = state;
  state.phase = 'ready';
  state.until = Number.POSITIVE_INFINITY;
  state.missed = 0;
  state.owed = 0;
  state.unsure = false;
  state.inherited = false;
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
