import { beforeAll, describe, expect, it } from 'vitest';
import { built } from '../support/built.js';
import { gapsOfReboots } from './reboots.js';

beforeAll(built);

describe('a coprocessor that reboots again and again', () => {
  it.each(['pty', 'unix'] as const)('is up again within a second: %s', async (port) => {
    const gaps = await gapsOfReboots(port, 9);
    // The median: one of them may come while the machine does something else.
    expect(gaps.sort((a, b) => a - b)[Math.floor(gaps.length / 2)]).toBeLessThan(1_000);
  });
});
