import type { Time, TimerHandle } from '../../base/clock.js';
import type { Timeouts } from '../../base/timeouts.js';
import type { Counters } from '../counters.js';
import { newExchange, nextTick, step } from './exchange-state.js';
import type { ExchangeInput, ExchangeOutput, ExchangeState } from './exchange-types.js';
import type { Command, DialectRules, Inbound } from './rules.js';

/** What becomes of a request; exactly one of answered and failed is called, once. */
export interface AskHandler {
  /** It leaves now. */
  sent?(): void;
  /** Status 0: done; anything else: refused. */
  answered(status: number, value: number): void;
  failed(why: AskFailure): void;
}

/**
 * `unsent`: its turn did not come within the limit. `unanswered`: no reply, so that its effect is
 * unknown. `full`: too many wait. `lost-unsent`, `lost`: the channel ended before, or while it was in flight.
 */
export type AskFailure = 'unsent' | 'unanswered' | 'full' | 'lost-unsent' | 'lost';

export interface ExchangeOptions {
  readonly rules: DialectRules;
  readonly time: Time;
  readonly timeouts: Timeouts;
  readonly counters: Counters;
  /** The read that every firmware answers. */
  readonly probe: Command;
  readonly send: (packet: Uint8Array) => void;
  /** Replaces the channel. */
  readonly renew: () => void;
  readonly listener: ExchangeListener;
}

export interface ExchangeListener {
  /** Requests are sent from now on; see ExchangeOutput. */
  ready(anew: boolean, renewed: boolean): void;
  silent(probes: number): void;
}

/** Requests of callers that may wait for their turn, of all controllers together. */
export const MOST_WAITING = 1024;

/** Runs {@link ExchangeState} with a clock, timers and a channel. */
export class Exchange {
  /** Of the last request that was answered, ns. */
  roundTripNs: number | undefined;

  private readonly state: ExchangeState;
  private readonly handlers = new Map<number, AskHandler>();
  private nextId = 0;
  private timer: TimerHandle | undefined;
  private timerAt = Number.POSITIVE_INFINITY;
  private sentNs = 0n;
  private closed = false;
  private readonly outputs: ExchangeOutput[] = [];
  private busy = false;

  constructor(private readonly options: ExchangeOptions) {
    const { timeouts, rules } = options;
    this.state = newExchange({
      limitMs: timeouts.request,
      settleMs: timeouts.reply_settle,
      probe: options.probe,
      probeMs: timeouts.hello,
      probeMaxMs: timeouts.hello_max,
      tagged: rules.tagged,
      canRenew: false,
      mostWaiting: MOST_WAITING,
    });
  }

  /** A new channel is up; `unsure`: what somebody else asked on it may still be answered. */
  up(canRenew: boolean, unsure = false): void {
    this.state.config.canRenew = canRenew;
    this.take({ kind: 'up', unsure });
  }

  /** The channel is gone; `final`: and nothing that was asked waits for the next one. */
  down(final: boolean): void {
    this.take({ kind: 'down', final });
  }

  /** Callers' requests wait while held. */
  hold(held: boolean): void {
    this.take({ kind: 'hold', held });
  }

  reply(reply: Extract<Inbound, { kind: 'reply' }>): void {
    this.take({ kind: 'reply', reply });
  }

  /** Sends a command in its turn; `own`: of the driver's own procedures. Returns its number, for {@link cancel}. */
  ask(command: Command, own: boolean, handler: AskHandler): number {
    const id = this.nextId++;
    this.handlers.set(id, handler);
    this.take({ kind: 'ask', id, command, own });
    return id;
  }

  /** Forgets an ask that was not sent; its handler hears nothing more. False: it was sent, or is over. */
  cancel(id: number): boolean {
    if (!this.handlers.has(id) || this.state.inFlight?.id === id) return false;
    this.handlers.delete(id);
    this.take({ kind: 'cancel', id });
    return true;
  }

  close(): void {
    this.down(true);
    this.closed = true;
    this.clearTimer();
  }

  private take(input: ExchangeInput): void {
    if (this.closed) return;
    this.outputs.push(...step(this.state, input, this.now()));
    if (this.busy) return;
    // What handlers ask in turn is carried out after what came before it.
    this.busy = true;
    for (let output = this.outputs.shift(); output !== undefined; output = this.outputs.shift()) {
      this.carryOut(output);
    }
    this.busy = false;
    this.setTimer();
  }

  private carryOut(output: ExchangeOutput): void {
    const { counters, listener, rules, send, probe } = this.options;
    switch (output.kind) {
      case 'send':
        counters.count('requests_sent');
        this.sentNs = this.options.time.monotonicNs();
        this.handlers.get(output.id)?.sent?.();
        send(rules.encode(output.command));
        break;
      case 'probe':
        counters.count('probes_sent');
        send(rules.encode(probe));
        break;
      case 'answered':
        counters.count(output.status === 0 ? 'requests_answered' : 'requests_failed');
        this.roundTripNs = Number(this.options.time.monotonicNs() - this.sentNs);
        this.takeHandler(output.id)?.answered(output.status, output.value);
        break;
      case 'expired':
        counters.count('requests_timed_out');
        this.takeHandler(output.id)?.failed(output.sent ? 'unanswered' : 'unsent');
        break;
      case 'refused':
        counters.count('requests_refused');
        this.takeHandler(output.id)?.failed('full');
        break;
      case 'lost':
        this.takeHandler(output.id)?.failed(output.sent ? 'lost' : 'lost-unsent');
        break;
      case 'renew':
        counters.count('channels_renewed');
        this.options.renew();
        break;
      case 'silent':
        listener.silent(output.probes);
        break;
      case 'ready':
        listener.ready(output.anew, output.renewed);
        break;
      case 'late':
        counters.count('late_replies');
        break;
      case 'unexpected':
        counters.count('unexpected_replies');
        break;
    }
  }

  private takeHandler(id: number): AskHandler | undefined {
    const handler = this.handlers.get(id);
    this.handlers.delete(id);
    return handler;
  }

  /** A timer that is early finds nothing to do and sets itself again: cheaper than moving it each time. */
  private setTimer(): void {
    const at = nextTick(this.state);
    if (at >= this.timerAt || at === Number.POSITIVE_INFINITY || this.closed) return;
    this.clearTimer();
    this.timerAt = at;
    this.timer = this.options.time.set(
      () => {
        this.timer = undefined;
        this.timerAt = Number.POSITIVE_INFINITY;
        this.take({ kind: 'tick' });
      },
      Math.max(at - this.now(), MIN_TIMER_MS),
    );
  }

  private clearTimer(): void {
    if (this.timer !== undefined) this.options.time.clear(this.timer);
    this.timer = undefined;
    this.timerAt = Number.POSITIVE_INFINITY;
  }

  private now(): number {
    return Number(this.options.time.monotonicNs()) / 1e6;
  }
}

/** Shorter timers run at once, and a clock that is read a little early would run them over and over. */
const MIN_TIMER_MS = 0.05;
