import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cobsDecode, cobsEncode, maxStuffedLength } from './cobs.js';

/** The paper's algorithm, byte by byte, to compare with. */
function plainEncode(source: Uint8Array): number[] {
  const out: number[] = [];
  let block: number[] = [];
  const bytes = [...source];
  for (const [i, byte] of bytes.entries()) {
    if (byte === 0) {
      out.push(block.length + 1, ...block);
      block = [];
      continue;
    }
    block.push(byte);
    if (block.length === 254 && i + 1 < bytes.length) {
      out.push(255, ...block);
      block = [];
    }
  }
  return [...out, block.length + 1, ...block];
}

/** Into a Buffer, as the link does: some of its methods differ from a plain array's. */
function stuff(source: Uint8Array): Uint8Array {
  const target = Buffer.alloc(maxStuffedLength(source.length) + 3, 0xee);
  const end = cobsEncode(source, target, 2);
  expect([...target.subarray(0, 2)]).toEqual([0xee, 0xee]);
  return new Uint8Array(target.subarray(2, end));
}

/** Bytes with long runs without a zero, so that full blocks occur. */
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 1100 }),
  fc
    .array(fc.tuple(fc.integer({ min: 0, max: 600 }), fc.integer({ min: 0, max: 3 })), { maxLength: 4 })
    .map((runs) =>
      Uint8Array.from(runs.flatMap(([full, zeros]) => [...Array(full).fill(7), ...Array(zeros).fill(0)])),
    ),
);

describe('COBS', () => {
  it('agrees with the plain algorithm, holds no zero, and is undone', () => {
    fc.assert(
      fc.property(bytes, (source) => {
        const stuffed = stuff(source);
        expect([...stuffed]).toEqual(plainEncode(source));
        expect(stuffed.includes(0)).toBe(false);
        expect(stuffed.length).toBeLessThanOrEqual(maxStuffedLength(source.length));
        expect(cobsDecode(stuffed)).toEqual(source);
      }),
      { numRuns: 500 },
    );
  });

  it.each([253, 254, 255, 507, 508, 509, 762])(
    'handles %i bytes without a zero, with and without one after',
    (length) => {
      const run = new Uint8Array(length).fill(0x5a);
      const withZero = Uint8Array.of(...run, 0);
      const between = Uint8Array.of(...run, 0, ...run);
      for (const source of [run, withZero, between]) expect(cobsDecode(stuff(source))).toEqual(source);
    },
  );

  it('never throws, and refuses a code that points behind the end', () => {
    expect(cobsDecode(Uint8Array.of(3, 1))).toBeUndefined();
    expect(cobsDecode(Uint8Array.of(2, 0))).toBeUndefined();
    const cut = stuff(new Uint8Array(600).fill(9)).subarray(0, 300);
    expect(cobsDecode(cut)).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (noise) => {
        const decoded = cobsDecode(noise);
        if (decoded !== undefined) expect(decoded.length).toBeLessThanOrEqual(noise.length);
      }),
    );
  });
});
