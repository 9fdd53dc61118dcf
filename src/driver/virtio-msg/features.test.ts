import { describe, expect, it } from 'vitest';
import { negotiate } from './features.js';

const IRQ = 1;
const VERSION_1 = 1;
const NAMES = 1 << 29;
const STAMP = 1 << 30;
const QUEUE = 2 ** 31;

describe('the choice of features', () => {
  it('takes all that is known where all is offered, and nothing that is not', () => {
    const all = negotiate([0xffff_ffff, 0xffff_ffff], true);
    expect(all).toEqual({
      blocks: [IRQ, VERSION_1 + NAMES + STAMP + QUEUE],
      irq: true,
      stamp: true,
      queue: true,
      namesInConfig: true,
    });
  });

  it('needs F_TIME and interrupts for stamps, and stamps for queued events', () => {
    expect(negotiate([IRQ, STAMP + QUEUE], false)).toMatchObject({
      blocks: [IRQ, 0],
      stamp: false,
      queue: false,
    });
    expect(negotiate([0, STAMP + QUEUE], true)).toMatchObject({ blocks: [0, 0], stamp: false, queue: false });
    expect(negotiate([IRQ, QUEUE], true)).toMatchObject({ blocks: [IRQ, 0], queue: false });
    expect(negotiate([IRQ, STAMP], true)).toMatchObject({ blocks: [IRQ, STAMP], stamp: true, queue: false });
  });

  it('does without VERSION_1, and with one block or none', () => {
    expect(negotiate([IRQ], true)).toMatchObject({ blocks: [IRQ], irq: true });
    expect(negotiate([], true)).toMatchObject({ blocks: [0], irq: false });
  });
});
