/** `Monitoring line 'x'...` or `Monitoring lines 'a', 'b', and 'c'...`. */
export function banner(verb: 'Monitoring' | 'Setting' | 'Watching', ids: readonly string[]): string {
  const quoted = ids.map((id) => `'${id}'`);
  if (quoted.length === 1) return `${verb} line ${quoted[0]}...`;
  return `${verb} lines ${quoted.slice(0, -1).join(', ')}, and ${quoted.at(-1)}...`;
}
