import { expect, it } from 'vitest';
import { nodeTimers } from '../../src/base/clock.js';
import { ChipDirectory } from '../../src/gpio/chip-directory.js';
import { CoprocessorChip } from '../../src/gpio/coprocessor-chip.js';
import { SyntheticChip } from '../../src/gpio/synthetic/synthetic-chip.js';
import { BOTH } from '../contract/chip.js';
import { hostClock } from '../support/api-bench.js';
import { liveBytes } from '../support/live-bytes.js';
import { MemoryRemote } from '../support/memory-remote.js';

const CHIPS = 2_000;
/** Far less than one chip is. */
const BYTES_A_CHIP = 256;

it('a synthetic chip that is closed leaves nothing in memory', async () => {
  const base = { clock: hostClock, timers: nodeTimers };
  const remote = new MemoryRemote('hub', ['A', 'B', 'C']);
  const directory = new ChipDirectory();
  directory.add(new CoprocessorChip({ ...base, name: 'hub', remote, startingMs: 1_000 }));
  const come = async (): Promise<void> => {
    const description = { name: 'x', lines: ['hub:0-1', 'hub:C', 'imu:0'], shared: false };
    const chip = new SyntheticChip({ ...base, description, directory });
    const request = await chip.requestLines({ consumer: 'x', offsets: [0, 2], config: BOTH });
    request.events$.subscribe();
    remote.sense([0, 2]);
    await chip.close('gone');
  };
  const usedAfter = async (count: number): Promise<number> => {
    for (let i = 0; i < count; i++) await come();
    return liveBytes();
  };
  const before = await usedAfter(CHIPS);
  const after = await usedAfter(CHIPS);
  expect(after - before).toBeLessThan(CHIPS * BYTES_A_CHIP);
});
