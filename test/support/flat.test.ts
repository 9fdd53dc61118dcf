import { describe, expect, it } from 'vitest';
import { flatness } from './flat.js';

const slack = { part: 0.05, more: 2 };

describe('flatness', () => {
  it('forgives the warm-up', () => {
    const samples = [10, 50, 80, 100, 100, 101, 99, 100];
    expect(flatness('memory', samples, slack)).toMatchObject({ early: 100, late: 100, verdict: 'flat' });
  });

  it('sees what grows', () => {
    const samples = Array.from({ length: 40 }, (_, i) => 100 + i);
    expect(flatness('memory', samples, slack)).toMatchObject({ early: 115, late: 135, verdict: 'grows' });
  });

  it.each([[[100]], [[10, 500]], [[10, 50, 100, 100, 100, 100, 100]]])(
    'does not say what so few samples cannot tell: %o',
    (samples) => {
      expect(flatness('memory', samples, slack)).toMatchObject({
        early: samples[0],
        late: samples.at(-1),
        verdict: 'unknown',
      });
    },
  );
});
