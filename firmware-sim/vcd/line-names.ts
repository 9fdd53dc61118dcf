/**
 * The offsets of lines by the names that a dump may have for them: the name itself, and what
 * `gpiobridge mon --vcd` makes of it, where only letters, digits and `_` stand in names: `LINE_A`
 * for `LINE-A`, `A_5` for a second `A`, and `line5` for one without a name. The plainer name wins.
 */
export function offsetsByVcdName(names: readonly string[]): Map<string, number> {
  const offsets = new Map<string, number>();
  const add = (name: string, offset: number) => {
    if (!offsets.has(name)) offsets.set(name, offset);
  };
  names.forEach((name, offset) => {
    if (name !== '') add(name, offset);
  });
  names.forEach((name, offset) => {
    add(plain(name, offset), offset);
  });
  names.forEach((name, offset) => {
    add(`${plain(name, offset)}_${offset}`, offset);
  });
  return offsets;
}

function plain(name: string, offset: number): string {
  if (name === '') return `line${offset}`;
  const legal = name.replace(/[^A-Za-z0-9_]/g, '_');
  return /^\d/.test(legal) ? `_${legal}` : legal;
}
