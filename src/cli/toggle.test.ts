import { describe, expect, it } from 'vitest';
import { toggleSequence } from './toggle.js';

describe('toggleSequence', () => {
  it('repeats unless the last period is 0', () => {
    expect(toggleSequence([100, 200], 0)).toEqual({ pauses: [100, 200], repeats: true });
    expect(toggleSequence([100, 200, 0], 0)).toEqual({ pauses: [100, 200], repeats: false });
    expect(toggleSequence([0], 0)).toEqual({ pauses: [], repeats: false });
    expect(toggleSequence([0, 0], 0)).toEqual({ pauses: [0], repeats: false });
  });

  it('makes no pause shorter than the hold period', () => {
    expect(toggleSequence([100, 900, 0], 500)).toEqual({ pauses: [500, 900], repeats: false });
  });
});
