import { beforeAll, describe, expect, it } from 'vitest';
import { built } from '../support/built.js';
import { fuzzDaemon } from '../support/fuzz/fuzz-daemon.js';

beforeAll(built);

describe('20,000 random and mutated packets', () => {
  it('leave the decoders and a live daemon up, its memory bounded, and another coprocessor alone', async () => {
    const { packets } = await fuzzDaemon({ packets: 20_000, growth: 64e6 });
    expect(packets).toBeGreaterThan(15_000);
  });
});
