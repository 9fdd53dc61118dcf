import { describe } from 'vitest';
import { ChipDirectory } from '../../src/gpio/chip-directory.js';
import { CoprocessorChip } from '../../src/gpio/coprocessor-chip.js';
import { SyntheticChip } from '../../src/gpio/synthetic/synthetic-chip.js';
import { chipContract, type OnRestart } from '../contract/chip.js';
import { type RigOptions, useRigs } from '../driver/driver-rig.js';

const driverRig = useRigs();
const LINES = 32;

/** A synthetic chip of all lines of one chip, last first. */
async function make(options: RigOptions, onRestart: OnRestart) {
  const { names = [] } = options.coprocessor ?? {};
  const pinOf = (offset: number) => LINES - 1 - offset;
  const parentNames = Array.from({ length: LINES }, (_, pin) => names[pinOf(pin)] ?? '');
  const coprocessor = { ...options.coprocessor, lines: LINES, names: parentNames };
  const rig = driverRig({ ...options, coprocessor, driver: { ...options.driver, onRestart } });
  const { time } = rig;
  const base = { clock: time, timers: time };
  const remote = await rig.up();
  const directory = new ChipDirectory();
  directory.add(new CoprocessorChip({ ...base, name: 'hub', remote, startingMs: 1_000, onRestart }));
  const description = { name: 'door', lines: [`hub:${LINES - 1}-0`], shared: false };
  const chip = new SyntheticChip({ ...base, description, directory });
  return { rig, chip, pinOf };
}

describe('a synthetic chip', () => {
  chipContract(make);
});
