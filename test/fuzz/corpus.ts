import { readFileSync } from 'node:fs';
import fc from 'fast-check';

/**
 * The corpus: inputs from which fuzzing starts, kept beside this file. What once broke something is added to
 * it, one line each: bytes in hexadecimal (`-`: none), then, behind `#`, what it was.
 */
export function corpus(name: string): readonly Uint8Array[] {
  const lines = readFileSync(new URL(`./corpus/${name}.hex`, import.meta.url), 'utf8').split('\n');
  return lines
    .map((line) => line.split('#', 1)[0]!.trim())
    .filter((hex) => hex !== '')
    .map((hex) => (hex === '-' ? new Uint8Array(0) : Uint8Array.from(Buffer.from(hex, 'hex'))));
}

const byte = fc.integer({ min: 0, max: 0xff });

/** An input of the corpus as it is, or with bytes changed, cut off or added; now and then bytes without any sense. */
export function mutated(name: string): fc.Arbitrary<Uint8Array> {
  const kept = fc.constantFrom(...corpus(name));
  const edits = fc.array(fc.tuple(fc.nat({ max: 20 }), byte), { maxLength: 4 });
  const changed = fc.tuple(kept, edits, fc.integer({ min: -6, max: 6 })).map(([original, changes, by]) => {
    const bytes = new Uint8Array(Math.max(0, original.length + (Math.abs(by) < 4 ? 0 : by)));
    bytes.set(original.subarray(0, bytes.length));
    for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
    return bytes;
  });
  return fc.oneof(
    { arbitrary: changed, weight: 9 },
    { arbitrary: fc.uint8Array({ maxLength: 40 }), weight: 1 },
  );
}

/** The seed of a run: GPIOBRIDGE_FUZZ_SEED, or another one each time. */
export function fuzzSeed(): number {
  return Number(process.env.GPIOBRIDGE_FUZZ_SEED ?? Math.floor(Math.random() * 1e9));
}
