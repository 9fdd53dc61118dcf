import { BridgeError } from '../../base/errors.js';
import { type LineSpec, lineKey } from '../../gpio/synthetic/line-spec.js';

/** What can be said of a synthetic chip before it is made, without asking a coprocessor. */

/** A chip that is there or wanted, as far as others have to agree with it. */
export interface ClaimedLines {
  readonly name: string;
  readonly lines: readonly LineSpec[];
  readonly shared: boolean;
}

/** Whether `chip` is, or may be at its next bring-up, one of this coprocessor. */
export function isChipOf(chip: string, coprocessor: string): boolean {
  if (chip === coprocessor) return true;
  return chip.startsWith(`${coprocessor}.`) && /^\d+$/.test(chip.slice(coprocessor.length + 1));
}

/** Why a synthetic chip cannot be called so; undefined: it can. */
export function nameProblem(name: string, coprocessors: readonly string[]): string | undefined {
  const taken = coprocessors.find((coprocessor) => isChipOf(name, coprocessor));
  return taken === undefined ? undefined : `'${name}' is the name of a chip of coprocessor '${taken}'`;
}

/** Why its lines are of no chip there is or may be: NOT_FOUND; undefined: they are. */
export function parentProblem(
  lines: readonly LineSpec[],
  coprocessors: readonly string[],
  synthetic: readonly string[],
): BridgeError | undefined {
  const stray = lines.find(
    ({ parent }) => !coprocessors.some((coprocessor) => isChipOf(parent, coprocessor)),
  );
  if (stray === undefined) return undefined;
  const { parent } = stray;
  return synthetic.includes(parent)
    ? new BridgeError(
        'NOT_SUPPORTED',
        `chip '${parent}' is synthetic itself: name the lines that it is made of`,
      )
    : new BridgeError('NOT_FOUND', `there is no chip '${parent}', nor a coprocessor of that name`);
}

/** What another chip has that this one wants for itself, or the other way round: BUSY. */
export function claimProblem(wanted: ClaimedLines, others: Iterable<ClaimedLines>): BridgeError | undefined {
  const keys = new Set(wanted.lines.map(lineKey));
  for (const other of others) {
    if (wanted.shared && other.shared) continue;
    const both = other.lines.find((line) => keys.has(lineKey(line)));
    if (both === undefined) continue;
    return new BridgeError(
      'BUSY',
      `line ${both.line} of chip '${both.parent}' belongs to synthetic chip '${other.name}'${
        other.shared ? ', which shares it' : ''
      }`,
    );
  }
  return undefined;
}
