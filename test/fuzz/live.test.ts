import { beforeAll, describe, expect, it } from 'vitest';
import { built } from '../support/built.js';
import { fuzzConfig } from './fuzz-config.js';
import { fuzzMessages } from './fuzz-messages.js';
import { fuzzSimulator } from './fuzz-simulator.js';

beforeAll(built);

/** A few thousand inputs warm up no more than a process. */
const GROWTH = 48e6;

describe('messages that firmware has no business to send', () => {
  it('leave a live daemon up, and another coprocessor alone', async () => {
    expect((await fuzzMessages(3_000, GROWTH)).sent).toBeGreaterThan(2_500);
  });
});

describe('what a driver has no business to send', () => {
  it.each(['rpmsg-gpio', 'rpmsg-gpio-v14', 'srtm', 'virtio-msg', 'serial'] as const)(
    'leaves a live simulator up: %s',
    (target) => fuzzSimulator(target, 1_000, GROWTH),
  );
});

describe('configurations that are anything, read again', () => {
  it('leave a live daemon up, and what did not change alone', async () => {
    const { taken, refused } = await fuzzConfig(40, GROWTH);
    expect(taken).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(0);
  });
});
