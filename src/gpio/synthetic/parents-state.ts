import type { ChipState } from '../chip.js';
import type { ChipDirectory } from '../chip-directory.js';

/**
 * The state of a chip over these parents: up when all are; down when one is, saying which and why;
 * else starting. It is about the whole: lines of a parent that is up work whatever the others do.
 */
export function stateOver(parents: Iterable<string>, directory: ChipDirectory): ChipState {
  let starting = false;
  const down: string[] = [];
  for (const name of parents) {
    const state = directory.get(name)?.state;
    if (state === undefined) down.push(`chip '${name}' is not there`);
    else if (state.kind === 'down') down.push(`chip '${name}' is down: ${state.reason}`);
    else starting ||= state.kind === 'starting';
  }
  if (down.length > 0) return { kind: 'down', reason: down.join('; ') };
  return starting ? { kind: 'starting' } : { kind: 'up' };
}

export function sameState(a: ChipState, b: ChipState): boolean {
  return a.kind === b.kind && (a.kind !== 'down' || b.kind !== 'down' || a.reason === b.reason);
}
