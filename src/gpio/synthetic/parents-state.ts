import type { ChipState } from '../chip.js';
import type { ChipDirectory } from '../chip-directory.js';
import { COPROCESSOR_DOWN, ONE_COPROCESSOR_DOWN } from '../told-through.js';

/**
 * The state of a chip over these parents, for its users: up when all are; down when one is; else
 * starting. It is about the whole: lines of a parent that is up work whatever the others do.
 */
export function stateOver(parents: ReadonlySet<string>, directory: ChipDirectory): ChipState {
  const { starting, down } = parentsOf(parents, directory);
  if (down.length > 0)
    return { kind: 'down', reason: parents.size === 1 ? COPROCESSOR_DOWN : ONE_COPROCESSOR_DOWN };
  return starting ? { kind: 'starting' } : { kind: 'up' };
}

/** Which of them are down and why, for whoever may know: `chip 'hub' is down: ...; chip 'imu' is not there`. */
export function whyDown(parents: ReadonlySet<string>, directory: ChipDirectory): string {
  return parentsOf(parents, directory).down.join('; ');
}

function parentsOf(parents: ReadonlySet<string>, directory: ChipDirectory) {
  let starting = false;
  const down: string[] = [];
  for (const name of parents) {
    const state = directory.get(name)?.state;
    if (state === undefined) down.push(`chip '${name}' is not there`);
    else if (state.kind === 'down') down.push(parentDown(name, state.reason));
    else starting ||= state.kind === 'starting';
  }
  return { starting, down };
}

export function parentDown(name: string, reason: string): string {
  return `chip '${name}' is down: ${reason}`;
}

export function sameState(a: ChipState, b: ChipState): boolean {
  return a.kind === b.kind && (a.kind !== 'down' || b.kind !== 'down' || a.reason === b.reason);
}
