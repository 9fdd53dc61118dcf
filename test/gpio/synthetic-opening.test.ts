import { describe, expect, it } from 'vitest';
import { nodeTimers } from '../../src/base/clock.js';
import type { Chip, Level } from '../../src/gpio/chip.js';
import { ChipDirectory } from '../../src/gpio/chip-directory.js';
import { CoprocessorChip } from '../../src/gpio/coprocessor-chip.js';
import { SyntheticChip } from '../../src/gpio/synthetic/synthetic-chip.js';
import { INPUT, OUTPUT } from '../contract/chip.js';
import { hostClock } from '../support/api-bench.js';
import { MemoryRemote } from '../support/memory-remote.js';

const ask = (chip: Chip, offsets: readonly number[], config = INPUT) =>
  chip.requestLines({ consumer: 'test', offsets, config });

describe('a request that is being made', () => {
  it('gives every line back when one of them goes away meanwhile', async () => {
    const { chip, hub, imu, gate } = slowHouse();
    const asked = ask(chip, [0, 1], { ...OUTPUT, value: 1 });
    await gate.reached;
    hub.close('the configuration changed');
    gate.open();
    await expect(asked).rejects.toMatchObject({ name: 'LINE_GONE', message: 'the configuration changed' });
    expect(imu.lineInfo(0)).toMatchObject({ used: true, throughChip: 'door' });
    expect(imu.lineInfo(0)).not.toHaveProperty('consumer');
    await expect(ask(chip, [1])).resolves.toBeDefined();
  });

  it('is waited for by who deletes the chip', async () => {
    const { chip, imu, gate } = slowHouse();
    const asked = ask(chip, [0, 1], { ...OUTPUT, value: 1 });
    await gate.reached;
    let closed = false;
    const closing = chip.close('deleted').then(() => {
      closed = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(closed).toBe(false);
    gate.open();
    await expect(asked).rejects.toMatchObject({ name: 'CLOSED' });
    await closing;
    expect(imu.lineInfo(0)).toMatchObject({ used: false });
  });

  it('leaves no line in use behind the end of its chip, at whatever moment of it that comes', async () => {
    const base = { clock: hostClock, timers: nodeTimers };
    const outcomes = new Set<string>();
    for (let steps = 0; steps < 80; steps++) {
      const directory = new ChipDirectory();
      const hub = new CoprocessorChip({
        ...base,
        name: 'hub',
        remote: new SlowToRelease(),
        startingMs: 1_000,
      });
      directory.add(hub);
      const description = { name: 'door', lines: ['hub:0'], shared: false };
      const chip = new SyntheticChip({ ...base, description, directory });
      const asked = ask(chip, [0], { ...OUTPUT, value: 1 }).then(
        () => 'made',
        (error: Error) => error.name,
      );
      for (let step = 0; step < steps; step++) await Promise.resolve();
      await chip.close('deleted');
      expect(hub.lineInfo(0).used, `closed after ${steps} steps`).toBe(false);
      outcomes.add(await asked);
    }
    // It was closed before, while and after the request was made.
    expect([...outcomes].sort()).toEqual(['CLOSED', 'made']);
  });
});

/** A chip over `hub` and `imu`, of which `imu` makes an output only when the gate opens. */
function slowHouse() {
  const gate = new Gate();
  const base = { clock: hostClock, timers: nodeTimers };
  const directory = new ChipDirectory();
  const remotes = { hub: new MemoryRemote('hub', ['A']), imu: new GatedRemote(gate) };
  const [hub, imu] = Object.values(remotes).map(
    (remote) => new CoprocessorChip({ ...base, name: remote.name, remote, startingMs: 1_000 }),
  ) as [CoprocessorChip, CoprocessorChip];
  directory.add(hub);
  directory.add(imu);
  const description = { name: 'door', lines: ['hub:0', 'imu:0'], shared: false };
  return { hub, imu, gate, chip: new SyntheticChip({ ...base, description, directory }) };
}

class Gate {
  open: () => void = () => {};
  reach: () => void = () => {};
  readonly opened = new Promise<void>((resolve) => {
    this.open = resolve;
  });
  readonly reached = new Promise<void>((resolve) => {
    this.reach = resolve;
  });
}

class GatedRemote extends MemoryRemote {
  constructor(private readonly gate: Gate) {
    super('imu', ['B']);
  }

  override async setValue(line: number, level: Level): Promise<void> {
    this.gate.reach();
    await this.gate.opened;
    await super.setValue(line, level);
  }
}

class SlowToRelease extends MemoryRemote {
  constructor() {
    super('hub', ['A']);
  }

  override async releaseLine(line: number): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    await super.releaseLine(line);
  }
}
