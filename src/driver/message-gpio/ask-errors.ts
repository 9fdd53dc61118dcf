import { BridgeError } from '../../base/errors.js';
import { type AskFailure, MOST_WAITING } from './exchange.js';

/** A request failed without an answer that says so. */
export class AskFailed extends BridgeError {
  constructor(
    error: BridgeError,
    readonly why: AskFailure,
  ) {
    super(error.name, error.message);
  }
}

/** The coprocessor refused a request. */
export class Refused extends BridgeError {
  constructor(
    what: string,
    readonly status: number,
  ) {
    super('DEVICE_ERROR', `${what}: the coprocessor answered with status ${status}`);
  }
}

/** Why a request of a caller failed, as the error that it gets; `what` names chip and request. */
export function askError(why: AskFailure, what: string, limitMs: number): BridgeError {
  switch (why) {
    case 'unanswered':
      return new BridgeError(
        'TIMEOUT',
        `${what}: no answer within ${limitMs} ms (time limit request): whether it took effect is unknown`,
      );
    case 'unsent':
      return new BridgeError(
        'TIMEOUT',
        `${what}: it could not be sent within ${limitMs} ms (time limit request): an earlier request has no answer yet`,
      );
    case 'full':
      return new BridgeError('QUEUE_FULL', `${what}: ${MOST_WAITING} requests wait already: ask slower`);
    case 'lost':
      return new BridgeError('LINK_DOWN', `${what}: the channel broke: whether it took effect is unknown`);
    case 'lost-unsent':
      return new BridgeError('LINK_DOWN', `${what}: the channel broke before it was sent`);
  }
}
