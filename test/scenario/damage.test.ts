import { beforeAll, describe, it } from 'vitest';
import { built } from '../support/built.js';
import { DAMAGED, expectNothingLostUncounted } from '../support/lossless.js';

/**
 * What is delivered at the end of a few seconds depends on what else the machine does: each loss
 * costs round trips. The promise is that the rest is not lost; how much a minute delivers is for
 * the slow tier.
 */
const MOST = 0.75;
const HALF = 0.5;

beforeAll(built);

describe('a line with one byte in a thousand damaged', () => {
  it('loses no edge uncounted over a pty', async () => {
    await expectNothingLostUncounted({ port: 'pty', sim: DAMAGED }, 5, MOST);
  });

  it('loses no edge uncounted over a socket', async () => {
    await expectNothingLostUncounted({ port: 'unix', sim: DAMAGED }, 5, MOST);
  });

  it('loses no edge uncounted where bytes are dropped as well', async () => {
    const sim = [...DAMAGED, '--fault', 'drop:0.0005'];
    await expectNothingLostUncounted({ port: 'unix', sim }, 5, HALF);
  });
});
