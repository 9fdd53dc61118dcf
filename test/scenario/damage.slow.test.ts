import { beforeAll, describe, it } from 'vitest';
import { built } from '../support/built.js';
import { DAMAGED, expectNearlyAllDelivered } from '../support/lossless.js';

beforeAll(built);

// Much of their time is waited.
describe.concurrent('a minute on a line with one byte in a thousand damaged', () => {
  it('loses no edge uncounted over a pty', () =>
    expectNearlyAllDelivered({ port: 'pty', sim: DAMAGED }, 60, 0.99));

  it('loses no edge uncounted over a socket', () =>
    expectNearlyAllDelivered({ port: 'unix', sim: DAMAGED }, 60, 0.99));
});
