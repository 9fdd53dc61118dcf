import { beforeAll, describe, expect, it } from 'vitest';
import { built } from '../support/built.js';
import { fuzzDaemon } from '../support/fuzz/fuzz-daemon.js';

beforeAll(built, 60_000);

describe('1,000,000 random and mutated packets', () => {
  it('leave the decoders and a live daemon up, its memory flat, and another coprocessor alone', async () => {
    const result = await fuzzDaemon({ packets: 1_000_000, growth: 16e6 });
    console.log(JSON.stringify(result));
    expect(result.packets).toBeGreaterThan(800_000);
  }, 900_000);
});
