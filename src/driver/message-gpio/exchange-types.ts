import type { Command, Inbound } from './rules.js';

/**
 * One request in flight and its reply, on a channel whose replies may say nothing of what they
 * answer (docs/dialects.md, "Replies"): a pure state machine. `step` (exchange-state.ts) changes
 * plain data, reads no clock and does no I/O. Times are milliseconds of a clock that only goes forward.
 *
 * A reply is believed only when no earlier one can still be on its way. Each channel begins with a
 * read whose reply is not used, and a quiet time after it; so does going on after a reply that
 * stayed away. Replies that are owed are counted: the quiet is short when all have come, and as long
 * as the limit of a reply while some are missing, or nobody knows how many there are.
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
  /** Replies that may come to what was sent here and is not in flight: to probes, and to what timed out. */
  owed: number;
  /** More may come than were counted: somebody else asked on this channel. */
  unsure: boolean;
  /** What an earlier run asked may be answered on this channel. */
  inherited: boolean;
  /** When the first of the present probes was sent, and how long anything took to come back after it. */
  probedAt: number;
  tookMs: number;
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
  /** The read that every firmware answers. */
  readonly probe: Command;
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

export interface Doubt {
  readonly command: Command;
  readonly until: number;
}

export type ExchangeInput =
  /** `unsure`: what somebody else asked on this channel just before may still be answered. */
  | { readonly kind: 'up'; readonly unsure: boolean }
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
