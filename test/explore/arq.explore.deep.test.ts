import { describe, expect, it } from 'vitest';
import { type ArqFaults, arqModel, usedLine } from './arq-model.js';
import { explore } from './explore.js';

/** As arq.explore.test.ts, with more going wrong at once: some 10,000 to 300,000 states each. */
const CASES: readonly ArqFaults[] = [
  { losses: 3 },
  { losses: 2, delays: 1 },
  { losses: 2, repeats: 1, deviceRestarts: 1 },
  { losses: 1, driverRestarts: 1, deviceRestarts: 1 },
];
/** One of each: as many states as all others together, the more the larger the window. */
const EVERYTHING: ArqFaults = { losses: 1, repeats: 1, delays: 1, driverRestarts: 1 };

describe.each([1, 2, 3])('two ends with a window of %i', (window) => {
  it.each(CASES)('keep the promise under %o', (faults) => expectKept(window, faults));
});

describe.each([1, 3])('two ends with a window of %i', (window) => {
  it('keep the promise when everything goes wrong once', () => expectKept(window, EVERYTHING));
});

function expectKept(window: number, faults: ArqFaults): void {
  const found = explore(arqModel(usedLine(window, faults)), { depth: 1_000, states: 1_000_000 });
  expect(found.complete).toBe(true);
  expect(found.ends).toBeGreaterThan(0);
}
