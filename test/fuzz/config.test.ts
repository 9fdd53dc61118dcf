import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BridgeError } from '../../src/base/errors.js';
import { ConfigInvalid } from '../../src/base/problems.js';
import { readConfig } from '../../src/daemon/config/read-config.js';
import { brokenConfig, CONFIG } from './broken-config.js';

describe('a configuration that is anything', () => {
  it('is read, or refused with every problem in words', () => {
    fc.assert(
      fc.property(
        fc.oneof({ arbitrary: brokenConfig(), weight: 9 }, fc.string({ maxLength: 200 })),
        (toml) => {
          try {
            readConfig(toml, 'fuzz.toml', []);
          } catch (thrown) {
            if (!(thrown instanceof ConfigInvalid) && !(thrown instanceof BridgeError)) throw thrown;
            expect(thrown.message.length).toBeGreaterThan(0);
          }
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it('is read as it stands in the corpus', () => {
    expect(readConfig(CONFIG, 'fuzz.toml', []).coprocessors).toHaveLength(2);
  });
});
