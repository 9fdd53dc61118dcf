import type { MessageFault } from '../fault.js';

/** What is wrong with messages at present; each link looks here. */
export class MessageFaultState {
  /** Probabilities: for each message, or each request. */
  lose = 0;
  repeat = 0;
  silent = 0;
  refuse = 0;
  /** How much later answers leave. */
  lateNs = 0;

  /** The last of a kind counts. */
  set(fault: MessageFault): void {
    if (fault.kind === 'late') this.lateNs = fault.delayNs;
    else this[fault.kind] = fault.probability;
  }

  /** Messages pass as they are again. */
  clear(): void {
    this.lose = 0;
    this.repeat = 0;
    this.silent = 0;
    this.refuse = 0;
    this.lateNs = 0;
  }
}

/** What message faults did so far, over all links. */
export interface MessageFaultCounters {
  messages_lost: number;
  messages_repeated: number;
  requests_unanswered: number;
  /** Requests refused without having been looked at. */
  requests_rejected: number;
  answers_late: number;
  /** Late answers thrown away because too many were under way already. */
  answers_overrun: number;
}

export function newMessageFaultCounters(): MessageFaultCounters {
  return {
    messages_lost: 0,
    messages_repeated: 0,
    requests_unanswered: 0,
    requests_rejected: 0,
    answers_late: 0,
    answers_overrun: 0,
  };
}
