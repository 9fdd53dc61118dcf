import { messageOf } from '../base/errors.js';

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
  const messages = thrown instanceof ManyErrors ? thrown.messages : [messageOf(thrown)];
  return messages.map((message) => `${program}: ${message}\n`).join('');
}
