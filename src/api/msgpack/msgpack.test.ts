import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, encode, encodedLength, wireNumber } from './codec.js';
import { MAX_DEPTH, ValueScanner } from './scanner.js';
import { MessageSplitter } from './splitter.js';

const MAX = 1_000;

/** The decoder refuses the one key that would reach a prototype. */
const key = fc.string({ minLength: 1 }).filter((text) => text !== '__proto__');

/** Values that have a MessagePack form, of every kind the API uses. */
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    // Zero has no sign in MessagePack's integers.
    fc.double({ noNaN: true }).map((number) => number + 0),
    fc.string({ unit: 'grapheme', maxLength: 60 }),
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(key, tie('value'), { maxKeys: 5, noNullPrototype: true }),
  ),
}));

/** Pushes `bytes` in pieces of these sizes, and returns the messages. */
function split(bytes: Uint8Array, sizes: readonly number[], splitter = new MessageSplitter(MAX)) {
  const messages: Uint8Array[] = [];
  let error: string | undefined;
  let at = 0;
  for (let i = 0; at < bytes.length && error === undefined; i++) {
    const piece = bytes.subarray(at, at + (sizes[i % sizes.length] ?? bytes.length));
    error = splitter.push(piece, (message) => messages.push(Uint8Array.from(message)))?.error;
    at += piece.length;
  }
  return { messages, error, midMessage: splitter.midMessage };
}

describe('the codec', () => {
  it('gives back what it was given', () => {
    fc.assert(
      fc.property(value, (something) => {
        expect(decode(encode(something))).toEqual(something);
        expect(encodedLength(something)).toBe(encode(something).length);
      }),
    );
  });

  it('keeps times of 64 bits, and integers integers', () => {
    for (const time of [0n, 1n << 63n, 0xffff_ffff_ffff_ffffn, -5n]) expect(decode(encode(time))).toBe(time);
    expect(decode(encode(wireNumber(0xffff_ffff)))).toBe(0xffff_ffff);
    expect([...encode(wireNumber(2 ** 32))]).toEqual([0xcf, 0, 0, 0, 1, 0, 0, 0, 0]);
    expect([...encode(wireNumber(-(2 ** 32)))]).toEqual([0xd3, 255, 255, 255, 255, 0, 0, 0, 0]);
    for (const none of [1.5e10 + 0.5, Number.POSITIVE_INFINITY]) {
      expect(decode(encode(wireNumber(none)))).toBe(none);
    }
  });

  it('leaves out what is undefined, and refuses what has no form', () => {
    expect(decode(encode({ a: undefined, b: [undefined] }))).toEqual({ b: [null] });
    const endless: unknown[] = [];
    endless.push(endless);
    for (const bad of [() => {}, endless]) expect(() => encode(bad)).toThrow();
    expect(decode(encode('still works'))).toBe('still works');
  });
});

describe('MessageSplitter', () => {
  it('finds every message, however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 1, maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 10 }),
        (values, sizes) => {
          const messages = values.map((item) => encode([item])).filter((bytes) => bytes.length <= MAX);
          const result = split(Buffer.concat(messages), sizes);
          expect(result.error).toBeUndefined();
          expect(result.messages.map((bytes) => [...bytes])).toEqual(messages.map((bytes) => [...bytes]));
          expect(result.midMessage).toBe(false);
        },
      ),
    );
  });

  it('knows every type, binaries and extensions included', () => {
    const bytes = encode([new Uint8Array(300), new Date(), { a: new Uint8Array(3) }, 1.5, -70_000]);
    expect(split(Buffer.concat([bytes, bytes]), [7]).messages).toHaveLength(2);
  });

  it('refuses what is too long, too deep or reserved, before it came whole', () => {
    const refused = (bytes: readonly number[]) => split(Uint8Array.from(bytes), [1]);
    expect(refused([0xc1]).error).toBe('reserved-byte');
    expect(refused([0xdd, 0xff, 0xff, 0xff, 0xff]).error).toBe('too-long');
    expect(refused([0xdf, 0x7f, 0xff, 0xff, 0xff]).error).toBe('too-long');
    expect(refused([0xdb, 0, 0, 0x10, 0]).error).toBe('too-long');
    expect(refused([0xc9, 0, 0, 0x10, 0]).error).toBe('too-long');
    expect(refused(new Array(MAX_DEPTH).fill(0x91).concat([0x00])).error).toBeUndefined();
    expect(refused(new Array(MAX_DEPTH + 1).fill(0x91)).error).toBe('too-deep');
    // Two values that fit one by one, and not together.
    expect(refused([0x92, 0xda, 0x03, 0x00, ...new Array(0x300).fill(0x61), 0xda, 0x01, 0x00]).error).toBe(
      'too-long',
    );
  });

  it('takes a message of exactly the longest length', () => {
    const text = 'x'.repeat(MAX - 4);
    const bytes = encode([text]);
    expect(bytes.length).toBe(MAX);
    expect(split(Buffer.concat([bytes, bytes]), [333]).messages).toHaveLength(2);
    expect(split(encode([`${text}x`]), [333]).error).toBe('too-long');
  });

  it('never throws, never loops, whatever comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), fc.integer({ min: 1, max: 500 }), (bytes, size) => {
        const result = split(bytes, [size]);
        const whole = result.messages.reduce((sum, message) => sum + message.length, 0);
        expect(whole).toBeLessThanOrEqual(bytes.length);
        for (const message of result.messages) {
          // What is no value for the decoder is thrown, and nothing else comes of it.
          try {
            decode(message);
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(Error);
          }
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('costs no more for bytes that come one by one', () => {
    const scanner = new ValueScanner(65_536);
    const bytes = encode(new Array(60_000).fill(0));
    const start = performance.now();
    let incomplete = 0;
    for (let limit = 1; limit < bytes.length; limit++) {
      if (scanner.scan(bytes, 0, limit).kind === 'incomplete') incomplete++;
    }
    expect(incomplete).toBe(bytes.length - 1);
    expect(scanner.scan(bytes, 0, bytes.length)).toEqual({ kind: 'end', end: bytes.length });
    // A scan from the start each time would be 1.8e9 steps.
    expect(performance.now() - start).toBeLessThan(2_000);
  });
});
