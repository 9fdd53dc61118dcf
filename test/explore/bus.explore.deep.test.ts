import { describe, it } from 'vitest';
import { expectKept } from './bus-promise.js';

describe('driver and device, longer histories', () => {
  it('keep the promise over a channel that repairs', () => expectKept('reliable', 4));
  it('keep the promise over a PLAIN channel', () => expectKept('plain', 3));
});
