import { beforeAll, describe, it } from 'vitest';
import { built } from '../support/built.js';
import { DAMAGED, expectNothingLostUncounted } from '../support/lossless.js';

/**
 * The promise is that no edge is lost; how many a minute delivers is for the slow tier, as it depends
 * on what else the machine does: each loss costs round trips.
 */
const EDGES = 6_000;

beforeAll(built);

// Much of their time is waited.
describe.concurrent('a line with one byte in a thousand damaged', () => {
  it('loses no edge uncounted over a pty', () =>
    expectNothingLostUncounted({ port: 'pty', sim: DAMAGED }, EDGES));

  it('loses no edge uncounted over a socket', () =>
    expectNothingLostUncounted({ port: 'unix', sim: DAMAGED }, EDGES));

  it('loses no edge uncounted where bytes are dropped as well', () =>
    expectNothingLostUncounted({ port: 'unix', sim: [...DAMAGED, '--fault', 'drop:0.0005'] }, EDGES));
});
