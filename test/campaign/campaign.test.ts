import { describe, expect, it } from 'vitest';
import { CELLS, SLEEP_CELLS } from './cells.js';
import { broken } from './promise.js';
import { runCell } from './run-cell.js';
import { runSleepCell } from './sleep-cell.js';

/** The short form of `npm run campaign`: some of its cells, each for seconds. */
const SHORT = [
  'unix, virtio-msg: damage 1e-4',
  'pty, virtio-msg: reboots',
  'seqpacket, virtio-msg: port gone and back',
  'unix, virtio-msg: stderr is full',
  'seqpacket, rpmsg-gpio: nothing wrong',
  'pty, srtm: damage 1e-4',
];
const SECONDS = 3.5;
const SEED = 20_251_121;
const LIMIT_MS = 120_000;

describe('what was promised about events', () => {
  it.each(SHORT)(
    'holds: %s',
    async (name) => {
      const cell = CELLS.find((one) => `${one.link}, ${one.dialect}: ${one.name}` === name)!;
      // A tenth of the campaign's rate: other tests run beside this one.
      const result = await runCell({ ...cell, rate: cell.rate / 10 }, SECONDS, SEED);
      expect(broken(result)).toEqual([]);
    },
    LIMIT_MS,
  );

  it.each(SLEEP_CELLS)('holds: $name', async (cell) => {
    expect(broken(await runSleepCell(cell, 3_000, SEED))).toEqual([]);
  });
});
