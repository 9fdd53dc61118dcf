import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BridgeError } from '../../src/base/errors.js';
import { ConfigInvalid } from '../../src/base/problems.js';
import { readConfig } from '../../src/daemon/config/read-config.js';

const whole = readFileSync(new URL('./corpus/config.toml.txt', import.meta.url), 'utf8');
const lines = whole.split('\n');
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

/** The whole file with lines taken out, doubled, given another value, or followed by something else. */
const broken = fc
  .array(
    fc.tuple(fc.nat({ max: lines.length - 1 }), fc.constantFrom('drop', 'double', 'value', 'text'), word),
    {
      minLength: 1,
      maxLength: 6,
    },
  )
  .map((edits) => {
    const edited = [...lines];
    for (const [at, how, value] of edits) {
      const line = edited[at] ?? '';
      const key = line.split('=', 1)[0]!;
      if (how === 'drop') edited[at] = '';
      else if (how === 'double') edited[at] = `${line}\n${line}`;
      else if (how === 'value') edited[at] = line.includes('=') ? `${key}= ${value}` : line;
      else edited[at] = `${line}\n${value}`;
    }
    return edited.join('\n');
  });

describe('a configuration that is anything', () => {
  it('is read, or refused with every problem in words', () => {
    fc.assert(
      fc.property(fc.oneof({ arbitrary: broken, weight: 9 }, fc.string({ maxLength: 200 })), (toml) => {
        try {
          readConfig(toml, 'fuzz.toml', []);
        } catch (thrown) {
          if (!(thrown instanceof ConfigInvalid) && !(thrown instanceof BridgeError)) throw thrown;
          expect(thrown.message.length).toBeGreaterThan(0);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  it('is read as it stands in the corpus', () => {
    expect(readConfig(whole, 'fuzz.toml', []).coprocessors).toHaveLength(2);
  });
});
