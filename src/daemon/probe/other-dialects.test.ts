import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeMessage } from '../../wire/virtio-msg/message.js';
import { guessNoise } from './noise.js';
import { HARMLESS_QUESTIONS, recogniseDialect, recogniseUnframed } from './other-dialects.js';

interface Vector {
  readonly dialect: string;
  readonly direction: string;
  readonly bytes: string;
}

const vectors = (
  JSON.parse(
    readFileSync(new URL('../../../test/vectors/firmware-dialects.json', import.meta.url), 'utf8'),
  ) as {
    valid: Vector[];
  }
).valid;
const bytesOf = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'));

describe.each(['rpmsg-gpio', 'rpmsg-gpio-v14', 'srtm'])('%s', (dialect) => {
  const packets = vectors
    .filter((vector) => vector.dialect === dialect && vector.direction === 'to-driver')
    .map(({ bytes }) => bytesOf(bytes));

  it('is recognised by what its firmware sends', () => {
    expect(packets.length).toBeGreaterThan(0);
    expect(recogniseDialect(packets)).toBe(dialect);
  });

  it('is not seen in what came with something else', () => {
    expect(recogniseDialect([...packets, Uint8Array.of(9, 9)])).toBeUndefined();
  });
});

it('asks nothing that virtio-msg would act on', () => {
  for (const question of HARMLESS_QUESTIONS) expect(decodeMessage(question).type).toBe('dropped');
});

it('takes a line held low for no dialect', () => {
  expect(recogniseUnframed(new Uint8Array(30))).toBeUndefined();
});

it('never takes noise of some length for a dialect', () => {
  const noise = fc.uint8Array({ minLength: 64, maxLength: 256 }).filter((bytes) => new Set(bytes).size > 40);
  fc.assert(
    fc.property(noise, (bytes) => {
      expect(recogniseUnframed(bytes)).toBeUndefined();
    }),
  );
});

it.each([
  ['\r\nhub login: ', 'console'],
  ['\x1b[32m[    1.234567] \x1b[0musb 1-1: new device\r\n', 'console'],
  ['\u00ff\u0080\u0000a\u00f8\u0000\u00fe\u00c0', 'wrong-speed'],
  ['a', 'wrong-speed'],
])('takes %j for %s', (text, what) => {
  expect(guessNoise(Uint8Array.from(text, (char) => char.charCodeAt(0)))).toBe(what);
});
