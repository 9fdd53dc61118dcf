import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ENTRY_KINDS } from '../../src/cli/trace/entry.js';
import { DISCARD_REASONS } from '../../src/wire/serial-frame.js';
import { TRACE_VERSION } from '../../src/wire/trace/file-head.js';
import { FATES, LINK_STATES } from '../../src/wire/trace/record.js';

const page = readFileSync(new URL('../../docs/trace.md', import.meta.url), 'utf8').replaceAll('\n', ' ');
const numbered = (names: readonly string[]) => names.map((name, i) => `${i} ${name}`).join(', ');

describe('docs/trace.md', () => {
  it('has the numbers that are in the file', () => {
    expect(page).toContain(`Fates: ${numbered(FATES)}.`);
    expect(page).toContain(`Reasons: ${numbered(DISCARD_REASONS)}.`);
    expect(page).toContain(numbered(LINK_STATES));
    expect(page).toContain(`le16 version = ${TRACE_VERSION} `);
  });

  it('explains every fate, and names every kind', () => {
    for (const name of [...FATES, ...ENTRY_KINDS]) expect(page).toContain(`\`${name}\``);
  });
});
