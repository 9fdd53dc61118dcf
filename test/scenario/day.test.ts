import { beforeAll, describe, expect, it } from 'vitest';
import { built } from '../support/built.js';
import { playDay } from './whole-day.js';

/** Edges that wait while the machine does other things are too many for the coprocessor; how many is for the slow tier. */
const HALF = 0.5;

beforeAll(built);

// Nearly all of their time is waited.
describe.concurrent('a day with every stimulus and every wire fault', () => {
  it.each(['unix', 'pty'] as const)(
    'delivers or counts each edge sensed, and invents none: %s',
    async (port) => {
      expect(await playDay(port)).toBeGreaterThan(HALF);
    },
  );
});
