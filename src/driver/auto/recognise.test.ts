import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeMessage } from '../../wire/virtio-msg/message.js';
import { HARMLESS_QUESTIONS, recogniseDialect, recogniseUnframed } from './recognise.js';

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

it.each([
  ['010200 010002', 'rpmsg-gpio-v14', 'a refusal with any status, and an answer'],
  ['010200 010200', 'rpmsg-gpio-v14', 'the same twice, which no interrupt is'],
  ['010500 020303', 'rpmsg-gpio-v14', 'an interrupt of its own'],
  ['000200', 'rpmsg-gpio', 'a refusal with any status'],
  ['00ff7f 000002', 'rpmsg-gpio', 'a refusal whose value means nothing'],
  ['010300 000002', 'rpmsg-gpio', 'an interrupt, and an answer'],
  ['010300', undefined, 'an interrupt of the one, or a refusal of the other'],
  ['010300 010500', undefined, 'interrupts of the one, or refusals of the other'],
  ['010002 000002', 'rpmsg-gpio', 'an interrupt that looks like an answer of version 14, and an answer'],
  ['000003', undefined, 'an answer that is none'],
])('takes %s for %s: %s', (hex, dialect, _why) => {
  expect(recogniseDialect(hex.split(' ').map(bytesOf))).toBe(dialect);
});

it('takes a line that flickers for no dialect', () => {
  expect(recogniseUnframed(bytesOf('00f80000f80000f80000f800'))).toBeUndefined();
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
