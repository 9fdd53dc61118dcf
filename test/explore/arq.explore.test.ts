import { describe, expect, it } from 'vitest';
import { type ArqFaults, arqModel, usedLine } from './arq-model.js';
import { explore } from './explore.js';

/**
 * The serial link's state machines, walked through whole: each interleaving of arrivals, losses,
 * damage, repeats, early timers and restarts that the numbers below allow, until nothing new is
 * left. Some are enough to pass through every rule of docs/protocol.md; more are in the slow tier.
 */
const CASES: readonly ArqFaults[] = [
  { losses: 2 },
  { losses: 1, repeats: 1 },
  { losses: 1, delays: 1 },
  { losses: 1, deviceRestarts: 1 },
  { losses: 1, driverRestarts: 1 },
  { repeats: 1, deviceRestarts: 1 },
];

describe.each([1, 2, 3])('two ends with a window of %i', (window) => {
  it.each(CASES)('keep the promise under %o', (faults) => {
    const found = explore(arqModel(usedLine(window, faults)), { depth: 1_000, states: 200_000 });
    expect(found.complete).toBe(true);
    expect(found.ends).toBeGreaterThan(0);
  });
});
