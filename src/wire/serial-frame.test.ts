import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cobsEncode, maxStuffedLength } from './cobs.js';
import { decodeSerialFrame, encodeSerialFrame, type SerialFrame } from './serial-frame.js';

interface Vectors {
  valid: ({ name: string; wire: string; kind: string; payload?: string } & Record<string, unknown>)[];
  invalid: { name: string; wire: string; reason: string }[];
}

const vectors = JSON.parse(
  readFileSync(new URL('../../test/vectors/serial-link.json', import.meta.url), 'utf8'),
) as Vectors;

const fromHex = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));
/** Without the delimiter at the end. */
const between = (wire: string) => fromHex(wire).subarray(0, -1);

/** A vector as the frame that it describes. */
function frameOf(vector: Vectors['valid'][number]): SerialFrame {
  const { name: _name, wire: _wire, version: _version, payload, ...fields } = vector;
  return {
    ...fields,
    ...(payload === undefined ? {} : { payload: fromHex(payload) }),
  } as unknown as SerialFrame;
}

describe('serial frames', () => {
  it.each(vectors.valid)('encodes and decodes the vector $name', (vector) => {
    const frame = frameOf(vector);
    expect(decodeSerialFrame(between(vector.wire))).toEqual(frame);
    expect(encodeSerialFrame(frame)).toEqual(fromHex(vector.wire));
  });

  it.each(vectors.invalid)('rejects the vector $name as $reason', (vector) => {
    const decoded = decodeSerialFrame(between(vector.wire));
    expect(decoded.kind).toBe('discarded');
    if (decoded.kind === 'discarded') expect(vector.reason.split('-or-')).toContain(decoded.reason);
  });

  it.each([
    ['a reserved bit of ACK', 'control', [0x50]],
    ['an ACK with a payload', 'content', [0x40, 1]],
    ['a reserved bit of PLAIN', 'control', [0x81, 1]],
    ['an unknown RESET', 'control', [0xc2, 1, 7, 0, 4, 1, 0, 0, 0]],
    ['a RESET that is cut', 'content', [0xc0, 1, 7, 0, 4, 1, 0, 0]],
    ['another version', 'version', [0xc0, 2, 7, 0, 4, 1, 0, 0, 0]],
    ['window 0', 'content', [0xc0, 1, 0, 0, 4, 1, 0, 0, 0]],
    ['window 8', 'content', [0xc0, 1, 8, 0, 4, 1, 0, 0, 0]],
    ['max_payload 63', 'content', [0xc1, 1, 7, 63, 0, 1, 0, 0, 0]],
  ])('rejects %s as %s', (_what, reason, covered) => {
    expect(decodeSerialFrame(sealed(covered))).toMatchObject({ kind: 'discarded', reason });
  });

  it('ignores what follows the eighth byte of a RESET', () => {
    const decoded = decodeSerialFrame(sealed([0xc1, 1, 4, 240, 1, 1, 2, 3, 4, 99, 98]));
    expect(decoded).toEqual({ kind: 'rstack', window: 4, maxPayload: 496, session: 0x04030201 });
  });

  it('rejects a packet above what the session agreed on', () => {
    const wire = encodeSerialFrame({ kind: 'data', ns: 0, nr: 0, payload: new Uint8Array(65) }).slice(0, -1);
    expect(decodeSerialFrame(wire, 65).kind).toBe('data');
    expect(decodeSerialFrame(wire, 64)).toMatchObject({ kind: 'discarded', reason: 'long' });
  });

  it('brings any frame back, and takes no damaged one', () => {
    fc.assert(
      fc.property(anyFrame, fc.nat(), fc.integer({ min: 1, max: 255 }), (frame, where, flip) => {
        const wire = encodeSerialFrame(frame).slice(0, -1);
        expect(wire.includes(0)).toBe(false);
        expect(decodeSerialFrame(wire)).toEqual(frame);
        wire[where % wire.length]! ^= flip;
        expect(decodeSerialFrame(wire).kind).toBe('discarded');
      }),
    );
  });

  it('never throws on noise', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 1200 }), (noise) => {
        expect(decodeSerialFrame(noise)).toHaveProperty('kind');
      }),
    );
  });
});

/** A sealed frame of these covered bytes, without delimiter. */
function sealed(covered: readonly number[]): Uint8Array {
  const plain = Uint8Array.from([...covered, ...crcBytes(covered)]);
  const target = new Uint8Array(maxStuffedLength(plain.length));
  return target.subarray(0, cobsEncode(plain, target, 0));
}

/** CRC-32/ISO-HDLC bit by bit, little-endian. */
function crcBytes(bytes: readonly number[]): number[] {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb8_8320 : 0);
  }
  const value = ~crc >>> 0;
  return [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24];
}

const octal = fc.integer({ min: 0, max: 7 });
const payload = fc.uint8Array({ maxLength: 1024 });
const reset = {
  window: fc.integer({ min: 1, max: 7 }),
  maxPayload: fc.integer({ min: 64, max: 0xffff }),
  session: fc.nat(0xffff_ffff),
};
const anyFrame: fc.Arbitrary<SerialFrame> = fc.oneof(
  fc.record({ kind: fc.constant('data' as const), ns: octal, nr: octal, payload }),
  fc.record({ kind: fc.constant('ack' as const), nr: octal, nak: fc.boolean() }),
  fc.record({ kind: fc.constant('plain' as const), payload }),
  fc.record({ kind: fc.constantFrom('rst' as const, 'rstack' as const), ...reset }),
);
