import { encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { METHOD } from '../../../src/api/schema.js';
import { mutated } from '../../fuzz/corpus.js';

/** What clients of the socket API have no business to send, and some that they may. */

const method = fc.oneof(
  { arbitrary: fc.constantFrom(...Object.values(METHOD)), weight: 8 },
  { arbitrary: fc.string({ maxLength: 20 }), weight: 1 },
);

const anything = fc.anything({
  maxDepth: 3,
  withDate: true,
  withTypedArray: true,
  values: [fc.integer(), fc.string({ unit: 'binary' }), fc.boolean(), fc.double(), fc.constant(null)],
});

const small = fc.integer({ min: -1, max: 40 });
const lineConfig = fc.record(
  {
    direction: fc.constantFrom('input', 'output', 'as-is', 'up', 1),
    edges: fc.constantFrom('none', 'rising', 'both', 'x'),
    active_low: fc.constantFrom(true, false, 1),
    event_clock: fc.constantFrom('monotonic', 'realtime', 'tai'),
    value: fc.constantFrom(0, 1, 2),
  },
  { requiredKeys: ['direction'] },
);
const request = fc.record({
  consumer: fc.oneof(fc.constant('fuzz'), fc.string({ unit: 'binary', maxLength: 20 })),
  offsets: fc.array(small, { maxLength: 4 }),
  config: fc.oneof(lineConfig, fc.array(lineConfig, { maxLength: 3 })),
});

const params = fc.oneof(
  fc.array(small, { maxLength: 3 }),
  fc.tuple(request),
  fc.tuple(small, fc.oneof(lineConfig, fc.array(fc.tuple(small, small), { maxLength: 3 }))),
  fc.array(anything, { maxLength: 3 }),
);

const id = fc.integer({ min: 0, max: 0xffff_ffff });

/** A call in the right form, with or without sense: it is answered, and the connection stays. */
export const oddCall: fc.Arbitrary<Uint8Array> = fc
  .tuple(id, method, params)
  .map(([number, name, values]) => encodeOr([0, number, name, values]));

const nearly = fc
  .tuple(fc.integer({ min: 0, max: 3 }), fc.oneof(id, anything), fc.oneof(method, anything), params)
  .map((message) => encodeOr(message));

const changed = fc
  .tuple(
    fc.oneof(oddCall, nearly),
    fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
  )
  .map(([bytes, edits]) => {
    const copy = Uint8Array.from(bytes);
    for (const [at, byte] of edits) copy[at % copy.length] = byte;
    return copy;
  });

/** Mostly no message at all. */
export const brokenMessage: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 200 }),
  nearly,
  changed,
  mutated('msgpack').filter(({ length }) => length > 0),
);

/** Not everything that fast-check thinks of has a MessagePack form. */
function encodeOr(value: unknown): Uint8Array {
  try {
    return encode(value);
  } catch {
    return encode(null);
  }
}
