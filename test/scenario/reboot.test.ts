import { beforeAll, describe, expect, it } from 'vitest';
import { built } from '../support/built.js';
import { gapsOfReboots } from './reboots.js';

beforeAll(built);

describe.concurrent('a coprocessor that reboots again and again', () => {
  it.each(['pty', 'unix'] as const)('is up again soon, each time with one gap: %s', async (port) => {
    // That it is within a second is measured in the slow tier, with the machine to itself.
    for (const ms of await gapsOfReboots(port, 3)) expect(ms).toBeLessThan(10_000);
  });
});
