import { UsageError } from '../errors.js';

/**
 * The lines of a chip as the kernel's gpio-aggregator takes them in its `new_device` file
 * (Documentation/admin-guide/gpio/gpio-aggregator.rst):
 *
 *     [<name of a line>] [<chip> <offsets>] ...
 *
 * Offsets are numbers and ranges with commas between them, `19,21-23`, taken in ascending order
 * whatever the order written; words are in "" where they have spaces. A word is the name of a line
 * unless offsets come next.
 */
export type AggregatorEntry =
  | { readonly kind: 'offsets'; readonly chip: string; readonly offsets: readonly number[] }
  | { readonly kind: 'name'; readonly name: string };

/** As of the kernel's AGGREGATOR_MAX_GPIOS. */
const MAX_OFFSETS = 512;

/** Reads the aggregator's syntax; throws {@link UsageError} for what it would refuse. */
export function parseAggregatorSyntax(text: string): readonly AggregatorEntry[] {
  const words = wordsOf(text);
  const entries: AggregatorEntry[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const next = words[i + 1];
    if (next === undefined || !looksLikeOffsets(next)) {
      entries.push({ kind: 'name', name: word });
      continue;
    }
    entries.push({ kind: 'offsets', chip: word, offsets: offsetsOf(next) });
    i++;
  }
  if (entries.length === 0) throw new UsageError('no lines on standard input');
  return entries;
}

/** A quote opens and closes anywhere in a word, as in the kernel's next_arg(). */
function wordsOf(text: string): string[] {
  const words: string[] = [];
  for (const [word] of text.matchAll(/(?:"[^"]*"|[^\s"]|"[^"]*$)+/g)) {
    if (word.split('"').length % 2 === 0) throw new UsageError(`a '"' is not closed: ${word}`);
    words.push(word.replaceAll('"', ''));
  }
  return words;
}

function looksLikeOffsets(word: string): boolean {
  return /^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(word);
}

function offsetsOf(word: string): readonly number[] {
  const offsets = new Set<number>();
  for (const part of word.split(',')) {
    const [first, last = first] = part.split('-').map(Number) as [number, number?];
    if (last < first) throw new UsageError(`'${part}' in '${word}' runs downwards: write ${last}-${first}`);
    if (last >= MAX_OFFSETS) throw new UsageError(`offset ${last} in '${word}' is above ${MAX_OFFSETS - 1}`);
    for (let offset = first; offset <= last; offset++) offsets.add(offset);
  }
  return [...offsets].sort((a, b) => a - b);
}
