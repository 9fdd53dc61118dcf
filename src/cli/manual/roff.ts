/** Pieces of a manual page in the language of man(7). */

/** Text that stands for itself; may hold line breaks. */
export function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll(/^(?=[.'])/gm, '\\&');
}

export function section(title: string, ...parts: readonly string[]): string {
  return [`.SH ${quotedArgument(title)}`, ...parts].join('\n');
}

export function subsection(title: string, ...parts: readonly string[]): string {
  return [`.SS ${quotedArgument(title)}`, ...parts].join('\n');
}

/** Running text, right below a heading. */
export function firstParagraph(text: string): string {
  return escaped(text);
}

/** A term in bold with its explanation below. */
export function item(term: string, text: string): string {
  return `.TP\n.B ${escaped(term)}\n${escaped(text)}`;
}

/** Text whose lines and columns stay as they are. */
export function verbatim(text: string): string {
  return `.PP\n.nf\n${escaped(text).replaceAll(/^$/gm, '\\&')}\n.fi`;
}

function quotedArgument(text: string): string {
  return `"${escaped(text).replaceAll('"', '\\(dq')}"`;
}
