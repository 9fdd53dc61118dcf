import { BridgeError, messageOf } from '../base/errors.js';
import type { ConfigInvalid } from '../base/problems.js';

/** Something on the command line is not acceptable; the message is one line, without the program's name. */
export class UsageError extends Error {}

/** Several messages for one failure, each printed on a line of its own. */
export class ManyErrors extends Error {
  constructor(readonly messages: readonly string[]) {
    super(messages.join('\n'));
  }
}

/** What was thrown as the lines `PROG: message` that go to stderr, each ended. */
export function errorLines(program: string, thrown: unknown): string {
  return messagesOf(thrown)
    .map((message) => `${program}: ${message}\n`)
    .join('');
}

function messagesOf(thrown: unknown): readonly string[] {
  if (thrown instanceof ManyErrors) return thrown.messages;
  // By its name, so that the class need not be loaded.
  if (thrown instanceof BridgeError && thrown.name === 'CONFIG_INVALID') {
    return (thrown as ConfigInvalid).problems ?? [thrown.message];
  }
  return [messageOf(thrown)];
}
