/** What stands for a specifier: text, or what makes it of what is printed. */
export type Specifiers<Subject extends readonly unknown[]> = Readonly<
  Record<string, string | ((...subject: Subject) => string)>
>;

/**
 * The function that prints a subject in a `--format` string, which is taken apart once. A `%` before
 * anything that is no specifier, and one at the end, stand for themselves.
 */
export function compileFormat<Subject extends readonly unknown[]>(
  format: string,
  specifiers: Specifiers<Subject>,
): (...subject: Subject) => string {
  const pieces = split(format).map((text) => {
    const letter = text.length > 1 && text.startsWith('%') ? text.slice(1) : undefined;
    return letter !== undefined && Object.hasOwn(specifiers, letter) ? specifiers[letter] : text;
  });
  return (...subject) => {
    let line = '';
    for (const piece of pieces) line += typeof piece === 'string' ? piece : piece(...subject);
    return line;
  };
}

/** Whether a `--format` string has this specifier (`%x`). */
export function formatUses(format: string, specifier: string): boolean {
  return split(format).includes(specifier);
}

function split(format: string): string[] {
  return [...format.matchAll(/%[\s\S]?|[^%]+/gu)].map(([text]) => text);
}
