import { beforeAll, describe, it } from 'vitest';
import { built } from '../support/built.js';
import { DAMAGED, expectNearlyAllDelivered } from '../support/lossless.js';

beforeAll(built, 60_000);

describe('a minute on a line with one byte in a thousand damaged', () => {
  it('loses no edge uncounted over a pty', async () => {
    await expectNearlyAllDelivered({ port: 'pty', sim: DAMAGED }, 60, 0.99);
  }, 120_000);

  it('loses no edge uncounted over a socket', async () => {
    await expectNearlyAllDelivered({ port: 'unix', sim: DAMAGED }, 60, 0.99);
  }, 120_000);
});
