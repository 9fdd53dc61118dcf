import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SUBCOMMANDS } from '../../src/cli/commands/table.js';
import { ROOT } from '../support/built.js';

const pages = ['README.md', ...readdirSync(join(ROOT, 'docs')).map((name) => join('docs', name))].filter(
  (path) => path.endsWith('.md'),
);
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

/** The anchors that a Markdown reader makes of headings. */
function anchorsOf(page: string): string[] {
  return [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}

describe.each(pages)('%s', (page) => {
  it('links to what is there', () => {
    for (const [, target] of read(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target)) continue;
      const [path, anchor] = target.split('#');
      const linked = path === '' ? page : relative(ROOT, join(ROOT, dirname(page), path));
      expect(existsSync(join(ROOT, linked)), `${target} in ${page}`).toBe(true);
      if (anchor !== undefined) expect(anchorsOf(linked), `${target} in ${page}`).toContain(anchor);
    }
  });
});

describe('docs/cli.md', () => {
  it('tells of every subcommand', () => {
    for (const { name } of SUBCOMMANDS) expect(read('docs/cli.md')).toContain(`\`${name}`);
  });
});
