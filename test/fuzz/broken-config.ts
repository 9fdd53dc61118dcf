import { readFileSync } from 'node:fs';
import fc from 'fast-check';

/** A whole configuration, from which others are made. */
export const CONFIG = readFileSync(new URL('./corpus/config.toml.txt', import.meta.url), 'utf8');

const word = fc.oneof(
  fc.constantFrom(
    '""',
    '-1',
    '1e9',
    'true',
    '[]',
    '[[]]',
    '{}',
    '"\\u0000"',
    "'../x'",
    '[1, "a"]',
    '2026-11-21',
  ),
  fc.string({ maxLength: 12 }).map((text) => JSON.stringify(text)),
  fc.integer().map(String),
);

/** The text with lines taken out, doubled, given another value, or followed by something else. */
export function brokenConfig(text = CONFIG): fc.Arbitrary<string> {
  const lines = text.split('\n');
  const how = fc.constantFrom('drop', 'double', 'value', 'text');
  const edits = fc.array(fc.tuple(fc.nat({ max: lines.length - 1 }), how, word), {
    minLength: 1,
    maxLength: 6,
  });
  return edits.map((wanted) => {
    const edited = [...lines];
    for (const [at, change, value] of wanted) edited[at] = changed(edited[at] ?? '', change, value);
    return edited.join('\n');
  });
}

function changed(line: string, how: 'drop' | 'double' | 'value' | 'text', value: string): string {
  switch (how) {
    case 'drop':
      return '';
    case 'double':
      return `${line}\n${line}`;
    case 'value':
      return line.includes('=') ? `${line.split('=', 1)[0]}= ${value}` : line;
    case 'text':
      return `${line}\n${value}`;
  }
}
