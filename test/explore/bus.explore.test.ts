import { describe, it } from 'vitest';
import { expectKept } from './bus-promise.js';

/** Every history of a few steps; longer ones are in the slow tier. */
describe('driver and device', () => {
  it('keep the promise over a channel that repairs', () => expectKept('reliable', 3));
  it('keep the promise over a PLAIN channel', () => expectKept('plain', 2));
});
