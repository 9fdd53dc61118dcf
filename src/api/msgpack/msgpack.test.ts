import { decode, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeValue } from './decode.js';
import { Reader } from './reader.js';
import { MAX_DEPTH, ValueScanner } from './scanner.js';
import { MessageSplitter } from './splitter.js';
import { Writer } from './writer.js';

const MAX = 1_000;

/** Values that have a MessagePack form, of every kind the API uses. */
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true }),
    fc.string({ unit: 'grapheme', maxLength: 60 }),
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(fc.string({ minLength: 1 }), tie('value'), { maxKeys: 5, noNullPrototype: true }),
  ),
}));

function written(something: unknown): Uint8Array {
  const out = new Writer(16);
  out.value(something);
  return out.copy();
}

/** Pushes `bytes` in pieces of these sizes, and returns the messages. */
function split(bytes: Uint8Array, sizes: readonly number[], splitter = new MessageSplitter(MAX)) {
  const messages: Uint8Array[] = [];
  let error: string | undefined;
  let at = 0;
  for (let i = 0; at < bytes.length && error === undefined; i++) {
    const piece = bytes.subarray(at, at + (sizes[i % sizes.length] ?? bytes.length));
    error = splitter.push(piece, (from, start, end) => messages.push(from.slice(start, end)))?.error;
    at += piece.length;
  }
  return { messages, error, midMessage: splitter.midMessage };
}

describe('Writer', () => {
  it('writes what any MessagePack decoder reads', () => {
    fc.assert(
      fc.property(value, (something) => {
        const back = decode(written(something), { useBigInt64: true });
        expect(plain(back)).toEqual(plain(something));
      }),
    );
  });

  it('writes numbers up to 64 bits as integers', () => {
    for (const number of [
      0,
      127,
      128,
      255,
      256,
      65_535,
      65_536,
      2 ** 32 - 1,
      2 ** 32,
      2 ** 53 - 1,
      -1,
      -33,
    ]) {
      expect(Number(decodeValue(written(number)))).toBe(number);
    }
    expect(decodeValue(written(2 ** 32))).toBe(4_294_967_296n);
    expect(decodeValue(written(0xffff_ffff_ffff_ffffn))).toBe(0xffff_ffff_ffff_ffffn);
    expect(decodeValue(written(-5n))).toBe(-5n);
  });

  it('leaves out what is undefined, and refuses what has no form', () => {
    expect(decodeValue(written({ a: undefined, b: [undefined] }))).toEqual({ b: [null] });
    expect(() => written(() => {})).toThrow(TypeError);
  });
});

describe('Reader', () => {
  it('reads any value that the Writer writes', () => {
    fc.assert(
      fc.property(value, (something) => {
        const reader = new Reader();
        const bytes = written(something);
        reader.open(bytes, 0);
        expect(plain(reader.value())).toEqual(plain(something));
        expect(reader.at).toBe(bytes.length);
      }),
    );
  });

  it('reads what was written, and refuses other types', () => {
    const out = new Writer();
    out.value([1, 300, 70_000, 2 ** 40, 1n << 63n, 'text', 'x'.repeat(300), null]);
    const reader = new Reader();
    reader.open(out.copy(), 0);
    expect(reader.array()).toBe(8);
    expect([reader.uint(), reader.uint(), reader.uint(), reader.uint()]).toEqual([1, 300, 70_000, 2 ** 40]);
    expect(reader.u64()).toBe(1n << 63n);
    expect(reader.string()).toBe('text');
    expect(reader.string()).toBe('x'.repeat(300));
    expect(reader.uintOrNil()).toBeNull();
    for (const wrong of ['a', -1, true, 1.5]) {
      reader.open(written(wrong), 0);
      expect(() => reader.uint()).toThrow('expected a non-negative integer');
    }
  });
});

describe('MessageSplitter', () => {
  it('finds every message, however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 1, maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 10 }),
        (values, sizes) => {
          const messages = values.map((item) => written([item])).filter((bytes) => bytes.length <= MAX);
          const result = split(Buffer.concat(messages), sizes);
          expect(result.error).toBeUndefined();
          expect(result.messages.map((bytes) => [...bytes])).toEqual(messages.map((bytes) => [...bytes]));
          expect(result.midMessage).toBe(false);
        },
      ),
    );
  });

  it('agrees with other encoders on every type, binaries and extensions included', () => {
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
    const bytes = written([text]);
    expect(bytes.length).toBe(MAX);
    expect(split(Buffer.concat([bytes, bytes]), [333]).messages).toHaveLength(2);
    expect(split(written([`${text}x`]), [333]).error).toBe('too-long');
  });

  it('never throws, never loops, whatever comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), fc.integer({ min: 1, max: 500 }), (bytes, size) => {
        const result = split(bytes, [size]);
        const whole = result.messages.reduce((sum, message) => sum + message.length, 0);
        expect(whole).toBeLessThanOrEqual(bytes.length);
        for (const message of result.messages) decodeValue(message);
      }),
      { numRuns: 2_000 },
    );
  });

  it('costs no more for bytes that come one by one', () => {
    const scanner = new ValueScanner(65_536);
    const bytes = written(new Array(60_000).fill(0));
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

/** Numbers above 32 bits come back as bigint. */
function plain(something: unknown): unknown {
  if (typeof something === 'bigint') return Number(something);
  if (Array.isArray(something)) return something.map(plain);
  if (typeof something !== 'object' || something === null) return something;
  return Object.fromEntries(Object.entries(something).map(([key, item]) => [key, plain(item)]));
}
