import { BridgeError, toBridgeError } from '../../base/errors.js';
import type { ChipDirectory } from '../chip-directory.js';
import type { CoprocessorChip } from '../coprocessor-chip.js';
import type { Reservation } from '../line-reservations.js';
import type { LineSpec } from './line-spec.js';

/** Where a line of a synthetic chip is now, or why it is nowhere. */
export type LineBinding = BoundLine | UnboundLine;

export interface BoundLine {
  readonly parent: CoprocessorChip;
  /** Of the parent. */
  readonly offset: number;
  readonly reservation: Reservation;
  readonly problem?: undefined;
}

export interface UnboundLine {
  /** LINK_DOWN: its chip is not there yet; LINE_GONE: it is, without that line; BUSY: another chip has it. */
  readonly problem: BridgeError;
}

/** Undoes a binding that is not what its specification means any more. */
export function loosenLine(spec: LineSpec, directory: ChipDirectory, binding: LineBinding): void {
  if (isBound(binding) && !stillMeant(spec, directory, binding)) unbindLine(binding);
}

/** Binds a line to what its specification means now, and reserves it there; a binding that still holds is kept. */
export function bindLine(
  spec: LineSpec,
  directory: ChipDirectory,
  reservation: Reservation,
  before: LineBinding,
): LineBinding {
  if (isBound(before) && stillMeant(spec, directory, before)) return before;
  const parent = directory.get(spec.parent);
  try {
    if (parent === undefined) throw new BridgeError('LINK_DOWN', `there is no chip '${spec.parent}' now`);
    const offset = offsetOf(spec, parent);
    parent.reserve(offset, reservation);
    return { parent, offset, reservation };
  } catch (thrown) {
    return { problem: toBridgeError(thrown) };
  }
}

/** Leaves the line to others. */
export function unbindLine(binding: LineBinding): void {
  if (isBound(binding)) binding.parent.unreserve(binding.offset, binding.reservation);
}

export function isBound(binding: LineBinding): binding is BoundLine {
  return binding.problem === undefined;
}

function stillMeant(spec: LineSpec, directory: ChipDirectory, { parent, offset }: BoundLine): boolean {
  if (directory.get(spec.parent) !== parent || offset >= parent.lineCount) return false;
  return typeof spec.line === 'number' || parent.lineInfo(offset).name === spec.line;
}

/** The parent's names and their number are not its own users' alone: only what was asked for is told. */
function offsetOf({ line }: LineSpec, parent: CoprocessorChip): number {
  if (parent.lineCount === 0 && parent.state.kind !== 'up') {
    throw new BridgeError('LINK_DOWN', `chip '${parent.name}' has not described its lines yet`);
  }
  const offset = typeof line === 'number' ? line : parent.findLine(line);
  if (offset !== undefined && offset < parent.lineCount) return offset;
  const which = typeof line === 'number' ? line : `'${line}'`;
  throw new BridgeError('LINE_GONE', `chip '${parent.name}' has no line ${which} now`);
}
