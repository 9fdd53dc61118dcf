import { BridgeError } from '../src/base/errors.js';
import type { ResolvedOptions } from './options.js';

/** The lines of all controllers by number and name. */
export class BoardLines {
  constructor(
    private readonly options: Pick<ResolvedOptions, 'lines' | 'controllers' | 'namesByController'>,
  ) {}

  /** The offset of a line given by offset or name. Throws NOT_FOUND. */
  offset(line: number | string, controller: number): number {
    const names = this.namesOf(controller);
    const offset = typeof line === 'number' ? line : line === '' ? -1 : names.indexOf(line);
    if (offset >= 0 && offset < this.options.lines) return offset;
    const range = `lines are 0 to ${this.options.lines - 1}, or named`;
    throw new BridgeError('NOT_FOUND', `no line '${line}' on controller ${controller}: ${range}`);
  }

  /** The name of a line that is there; '' where it has none. */
  name(offset: number, controller: number): string {
    return this.namesOf(controller)[offset] ?? '';
  }

  /** The names of all lines of a controller, '' where unnamed. Throws NOT_FOUND. */
  allNames(controller: number): string[] {
    const names = this.namesOf(controller);
    return Array.from({ length: this.options.lines }, (_, offset) => names[offset] ?? '');
  }

  private namesOf(controller: number): readonly string[] {
    const names = this.options.namesByController[controller - 1];
    if (names !== undefined) return names;
    const { controllers } = this.options;
    throw new BridgeError('NOT_FOUND', `no controller ${controller}: there are 1 to ${controllers}`);
  }
}
