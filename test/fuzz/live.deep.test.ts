import { beforeAll, describe, expect, it } from 'vitest';
import { built } from '../support/built.js';
import { fuzzConfig } from './fuzz-config.js';
import { fuzzMessages } from './fuzz-messages.js';
import { fuzzSimulator } from './fuzz-simulator.js';

beforeAll(built, 60_000);

const LIMIT_MS = 600_000;
const GROWTH = 16e6;

describe('a hundred thousand inputs each', () => {
  it(
    'leave a live daemon up, and another coprocessor alone',
    async () => {
      expect((await fuzzMessages(100_000, GROWTH)).sent).toBeGreaterThan(80_000);
    },
    LIMIT_MS,
  );

  it.each(['rpmsg-gpio', 'rpmsg-gpio-v14', 'srtm', 'virtio-msg', 'serial'] as const)(
    'leave a live simulator up: %s',
    (target) => fuzzSimulator(target, 100_000, GROWTH),
    LIMIT_MS,
  );
});

describe('configurations that are anything, read again', () => {
  it(
    'leave a live daemon up, and what did not change alone',
    async () => {
      const { taken, refused } = await fuzzConfig(500, GROWTH);
      expect(taken).toBeGreaterThan(0);
      expect(refused).toBeGreaterThan(0);
    },
    LIMIT_MS,
  );
});
