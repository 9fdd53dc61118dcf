import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Decoders } from '../support/fuzz/decoders.js';
import { corpus, mutated } from './corpus.js';

/** Every byte decoder, from the seeds of each corpus on; live processes get the same. */
describe.each(['serial', 'msgpack', 'rpmsg-gpio', 'rpmsg-gpio-v14', 'srtm'])('what is made of %s', (name) => {
  it('throws in no decoder, however it is cut', () => {
    const pieces = fc.array(mutated(name), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(pieces, (inputs) => {
        const decoders = new Decoders();
        for (const bytes of inputs) decoders.take(bytes);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('the seeds', () => {
  it('of the serial link are frames, most of them', () => {
    const decoders = new Decoders();
    for (const bytes of corpus('serial')) decoders.take(bytes);
    expect(decoders.frames).toBeGreaterThan(10);
    expect(decoders.discarded).toBeGreaterThan(3);
  });

  it('of the socket API are messages, most of them', () => {
    const decoders = new Decoders();
    for (const bytes of corpus('msgpack')) decoders.take(bytes);
    expect(decoders.messages).toBeGreaterThan(10);
    expect(decoders.broken).toBeGreaterThan(2);
  });
});
