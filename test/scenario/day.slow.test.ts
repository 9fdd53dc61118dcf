import { beforeAll, describe, it } from 'vitest';
import { built } from '../support/built.js';
import { playDay } from './whole-day.js';

beforeAll(built);

describe('a day with every stimulus and every wire fault', () => {
  it.each(['unix', 'pty'] as const)('delivers nearly all of what was sensed: %s', (port) =>
    playDay(port, 0.95),
  );
});
