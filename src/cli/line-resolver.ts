import { ManyErrors, UsageError } from './errors.js';
import { MAX_INT } from './period.js';

/** What finding lines needs to know of a chip. */
export interface ChipLines {
  readonly name: string;
  readonly lineCount: number;
  /** Offsets of the lines of that name, ascending; empty when there is none. */
  offsetsOf(name: string): readonly number[];
}

/** A line that was found. `id` is what the user called it. */
export interface ResolvedLine {
  readonly id: string;
  readonly chip: string;
  readonly offset: number;
}

export interface ResolveOptions {
  /** The chip as the user named it (`-c`); undefined: all chips are searched, by name. */
  readonly chipId?: string | undefined;
  /** A name that is not unique is an error. */
  readonly strict: boolean;
  /** Ids are names even where they look like offsets. */
  readonly byName: boolean;
  /** There is one chip to look at, so that an offset says which line is meant. */
  readonly onlyChip: boolean;
}

/**
 * Finds each id among the chips, in their order. Offsets count where one chip is named (or is the
 * only one there is; then a name wins over an offset). Throws {@link UsageError} or {@link ManyErrors}
 * with every id that cannot be found and every line that was named twice.
 */
export function resolveLines(
  ids: readonly string[],
  chips: readonly ChipLines[],
  options: ResolveOptions,
): ResolvedLine[] {
  const found = ids.map((id) => resolveOne(id, chips, options));
  const problems: string[] = [];
  found.forEach((line, index) => {
    if (line === undefined) {
      problems.push(notFound(ids[index], chips, options));
      return;
    }
    const twin = found.slice(0, index).find((other) => other !== undefined && isSameLine(other, line));
    if (twin) problems.push(`lines '${twin.id}' and '${line.id}' are the same line`);
  });
  if (problems.length > 0) throw new ManyErrors(problems);
  return found as ResolvedLine[];
}

/** Every line that an id means, in the order of chips and offsets: for `info`, which shows them all. */
export function matchesOf(id: string, chips: readonly ChipLines[], options: ResolveOptions): ResolvedLine[] {
  const offset = offsetOf(id, options);
  const named = chips.flatMap((chip) =>
    chip.offsetsOf(id).map((at) => ({ id, chip: chip.name, offset: at })),
  );
  const only = options.onlyChip ? chips[0] : undefined;
  const numbered =
    only !== undefined && offset !== undefined && offset < only.lineCount
      ? [{ id, chip: only.name, offset }]
      : [];
  // With -c the offset comes first, as in libgpiod; without, a number is a name if there is such a name.
  const inOrder = options.chipId === undefined ? [...named, ...numbered] : [...numbered, ...named];
  if (!options.strict) return inOrder.slice(0, 1);
  const usable = options.chipId === undefined && named.length > 0 ? named : inOrder;
  return usable.filter((line, index) => usable.findIndex((other) => isSameLine(other, line)) === index);
}

function resolveOne(
  id: string,
  chips: readonly ChipLines[],
  options: ResolveOptions,
): ResolvedLine | undefined {
  const matches = matchesOf(id, chips, options);
  if (options.strict && matches.length > 1) throw new UsageError(`line '${id}' is not unique`);
  return matches[0];
}

/** What to say of an id that nothing matched. */
export function notFound(id: string, chips: readonly ChipLines[], options: ResolveOptions): string {
  if (offsetOf(id, options) !== undefined && options.onlyChip && chips[0])
    return `offset ${id} is out of range on chip '${options.chipId ?? chips[0].name}'`;
  return `cannot find line '${id}'`;
}

function offsetOf(id: string, options: ResolveOptions): number | undefined {
  if (options.byName || !/^\d+$/.test(id)) return undefined;
  const offset = Number(id);
  return offset <= MAX_INT ? offset : undefined;
}

export function isSameLine(a: ResolvedLine, b: ResolvedLine): boolean {
  return a.chip === b.chip && a.offset === b.offset;
}
