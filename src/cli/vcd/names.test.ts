import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commentText, lineNames, scopeNames, signalCode, vcdName } from './names.js';

describe('signalCode', () => {
  it('is letters, and another for each signal', () => {
    const codes = Array.from({ length: 5_000 }, (_, index) => signalCode(index));
    expect(new Set(codes).size).toBe(codes.length);
    expect(codes.every((code) => /^[A-Za-z]+$/.test(code))).toBe(true);
    expect([codes[0], codes[51], codes[52], codes[104]]).toEqual(['A', 'z', 'AA', 'BA']);
  });
});

describe('names', () => {
  it('keep what the format allows', () => {
    expect(vcdName('DOOR_1')).toBe('DOOR_1');
    expect(vcdName('IMU.INT[3]')).toBe('IMU_INT_3_');
    expect(vcdName('3V3 ok')).toBe('_3V3_ok');
    expect(vcdName('')).toBe('_');
  });

  it('are unique among the lines of a chip', () => {
    const lines = [
      { offset: 1, name: 'a b' },
      { offset: 2, name: 'a.b' },
      { offset: 3, name: undefined },
      { offset: 4, name: 'a_b_2' },
    ];
    expect(lineNames(lines)).toEqual(['a_b', 'a_b_2', 'line3', 'a_b_2_4']);
    expect(scopeNames([{ name: 'hub.1' }, { name: 'hub_1' }])).toEqual(['hub_1', 'hub_1_1']);
  });

  it('are unique and well formed whatever lines are called', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.string(), { nil: undefined }), { maxLength: 64 }), (names) => {
        const made = lineNames(names.map((name, offset) => ({ offset, name })));
        expect(new Set(made).size).toBe(names.length);
        expect(made.every((name) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name))).toBe(true);
      }),
    );
  });
});

describe('commentText', () => {
  it('never ends its comment', () => {
    expect(commentText('price: 3$ $end\nüber')).toBe('price: 3_ _end?ber');
  });
});
