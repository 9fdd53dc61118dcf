import type { WatchedChip, WatchedLine } from '../watch/sink.js';

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/**
 * The short code of a signal in the dump. Letters only: the format allows all printable ASCII, but
 * viewers have stumbled over `#` and `$`.
 */
export function signalCode(index: number): string {
  let code = '';
  for (let rest = index; rest >= 0; rest = Math.floor(rest / LETTERS.length) - 1)
    code = LETTERS[rest % LETTERS.length] + code;
  return code;
}

/**
 * A name as the format and its viewers take it: letters, digits and `_`, no digit first. Dots would
 * open scopes and brackets would make vectors in viewers.
 */
export function vcdName(name: string): string {
  const plain = name.replace(/[^A-Za-z0-9_]/g, '_');
  return /^[A-Za-z_]/.test(plain) ? plain : `_${plain}`;
}

/** Unique names of a chip's lines, in their order; an unnamed line is `line5`, a second `A` is `A_5`. */
export function lineNames(lines: readonly Pick<WatchedLine, 'offset' | 'name'>[]): string[] {
  return unique(lines.map(({ offset, name }) => [vcdName(name ?? `line${offset}`), offset]));
}

/** Unique names of chips as scopes. */
export function scopeNames(chips: readonly Pick<WatchedChip, 'name'>[]): string[] {
  return unique(chips.map(({ name }, index) => [vcdName(name), index]));
}

function unique(wanted: readonly (readonly [name: string, suffix: number])[]): string[] {
  const taken = new Set<string>();
  return wanted.map(([name, suffix]) => {
    let own = name;
    while (taken.has(own)) own += `_${suffix}`;
    taken.add(own);
    return own;
  });
}

/** Text for a comment: one line of ASCII that does not end it. */
export function commentText(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, '?').replaceAll('$', '_');
}
