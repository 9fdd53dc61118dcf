import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const here = dirname(fileURLToPath(import.meta.url));
const read = (file: string): string => readFileSync(join(here, file), 'utf8');
const rows = [...read('cases.md').matchAll(/^\| (gpio\w+) \| (\S+) \| (.*) \|$/gm)].map(
  ([, name, file, note]) => ({
    name: name!,
    file: file!,
    note: note!,
  }),
);

/** cases.md lists each case of libgpiod's suite once, and says truly where it is. */
describe('the list of cases', () => {
  it('has them all, once', () => {
    expect(rows).toHaveLength(166);
    expect(new Set(rows.map(({ name }) => name)).size).toBe(166);
  });

  it('leaves out bias and drive only', () => {
    for (const { file, note } of rows) if (file === '-') expect(note).toMatch(/^(bias|drive)/);
  });

  it.each(['detect-info', 'get', 'set', 'mon', 'notify'])('agrees with %s.test.ts', (name) => {
    const tested = [...read(`${name}.test.ts`).matchAll(/^ {2}it\('(gpio\w+)'|^ {4}\[?\s*'(gpio\w+)',/gm)];
    const listed = rows.filter(({ file }) => file === `${name}.test.ts`).map((row) => row.name);
    expect(
      tested
        .map(([, alone, inTable]) => alone ?? inTable)
        .filter((found) => found!.includes('_'))
        .sort(),
    ).toEqual(listed.sort());
  });
});
