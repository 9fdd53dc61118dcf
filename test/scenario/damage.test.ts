import { beforeAll, describe, it } from 'vitest';
import { built } from '../support/built.js';
import { DAMAGED, expectNothingLostUncounted } from '../support/lossless.js';

beforeAll(built, 60_000);

describe('a line with one byte in a thousand damaged', () => {
  it('loses no edge uncounted over a pty', async () => {
    await expectNothingLostUncounted({ port: 'pty', sim: DAMAGED }, 5, 0.9);
  }, 40_000);

  it('loses no edge uncounted over a socket', async () => {
    await expectNothingLostUncounted({ port: 'unix', sim: DAMAGED }, 5, 0.9);
  }, 40_000);

  it('loses no edge uncounted where bytes are dropped as well', async () => {
    const sim = [...DAMAGED, '--fault', 'drop:0.0005'];
    await expectNothingLostUncounted({ port: 'unix', sim }, 5, 0.9);
  }, 40_000);
});
