import { describe, expect, it } from 'vitest';
import { CoprocessorChip } from '../../src/gpio/coprocessor-chip.js';
import { BOTH, chipContract, INPUT, type OnRestart, OUTPUT } from '../contract/chip.js';
import { type RigOptions, useRigs } from '../driver/driver-rig.js';

const driverRig = useRigs();

async function make(options: RigOptions, onRestart: OnRestart = 'restore') {
  const rig = driverRig({ ...options, driver: { ...options.driver, onRestart } });
  const remote = await rig.up();
  const { time } = rig;
  const chip = new CoprocessorChip({
    name: 'hub',
    remote,
    clock: time,
    timers: time,
    startingMs: 1_000,
    onRestart,
  });
  return { rig, chip, pinOf: (offset: number) => offset };
}

describe('a coprocessor chip', () => {
  chipContract(make);

  it('ends the requests of lines that the new firmware describes differently, and no others', async () => {
    const { chip, rig } = await make({ coprocessor: { lines: 4, names: ['A', 'B', 'C', 'D'] } });
    const stays = await chip.requestLines({ consumer: 'test', offsets: [0], config: BOTH });
    const renamed = await chip.requestLines({ consumer: 'test', offsets: [1], config: BOTH });
    const gone = await chip.requestLines({ consumer: 'test', offsets: [3], config: { ...OUTPUT, value: 1 } });
    const other = driverRig({ coprocessor: { lines: 3, names: ['A', 'X', 'C'] } });
    rig.adoptCoprocessor(other);
    await rig.until(() => renamed.ended !== undefined && gone.ended !== undefined, 'requests to end');
    expect(renamed.ended).toBe("line 1 of chip 'hub' is now named 'X', not 'B'");
    expect(gone.ended).toBe("the firmware of chip 'hub' now has 3 lines: line 3 is gone");
    expect(stays.ended).toBeUndefined();
  });

  it('shows lines that an earlier daemon left driven as outputs, until somebody makes them something else', async () => {
    const { chip, rig } = await make({});
    await chip.requestLines({ consumer: 'before', offsets: [3], config: { ...OUTPUT, value: 1 } });
    rig.restartDriver(rig.coprocessor.bootId);
    const next = new CoprocessorChip({
      name: 'hub',
      remote: await rig.up(),
      clock: rig.time,
      timers: rig.time,
      startingMs: 1_000,
    });
    expect(next.lineInfo(3)).toMatchObject({ used: false, direction: 'output' });
    expect(next.lineInfo(4)).toMatchObject({ used: false, direction: 'input' });
    const line = await next.requestLines({ consumer: 'next', offsets: [3], config: INPUT });
    await line.release();
    expect(next.lineInfo(3).direction).toBe('input');
  });
});
