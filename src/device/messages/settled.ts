import { type Outcome, REFUSED } from '../line-control.js';

/** The answer to what an operation comes to, at once or later; one that throws or rejects is refused. */
export function settled(
  operation: () => Outcome | Promise<Outcome>,
  answer: (outcome: Outcome) => Uint8Array,
): Uint8Array | Promise<Uint8Array> {
  let outcome: Outcome | Promise<Outcome>;
  try {
    outcome = operation();
  } catch {
    outcome = REFUSED;
  }
  return outcome instanceof Promise ? outcome.catch(() => REFUSED).then(answer) : answer(outcome);
}
