import { describe, expect, it } from 'vitest';
import { CELLS, nameOf, SLEEP_CELLS } from './cells.js';
import { broken, LIMITS } from './promise.js';
import { runCell } from './run-cell.js';
import { runSleepCell } from './sleep-cell.js';

/** The short form of `npm run campaign`: some of its cells, each for a moment. */
const SHORT = [
  'unix, virtio-msg: damage 1e-4',
  'pty, virtio-msg: reboots',
  'seqpacket, virtio-msg: port gone, little kept',
  'pty, srtm: damage 1e-4',
];
const SECONDS = 2;
const DISTURB_EVERY_MS = 500;
/** Tests run beside others, on machines that are busy: setting up the firmware again may take its time. */
const LENIENT = { ...LIMITS, gapMs: 60_000 };
const SEED = 20_251_121;
const LIMIT_MS = 120_000;

describe('what was promised about events', () => {
  it.each(SHORT)(
    'holds: %s',
    async (name) => {
      const cell = CELLS.find((one) => nameOf(one) === name)!;
      // A fifth of the campaign's rate: other tests run beside this one.
      const result = await runCell({ ...cell, rate: cell.rate / 5 }, SECONDS, SEED, DISTURB_EVERY_MS);
      expect(broken(result, LENIENT)).toEqual([]);
    },
    LIMIT_MS,
  );

  it.each(SLEEP_CELLS)('holds: $name', async (cell) => {
    expect(broken(await runSleepCell(cell, 3_000, SEED))).toEqual([]);
  });
});
