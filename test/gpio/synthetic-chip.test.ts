import { describe, expect, it } from 'vitest';
import type { Chip, LineInfoChange } from '../../src/gpio/chip.js';
import { ChipDirectory } from '../../src/gpio/chip-directory.js';
import { CoprocessorChip } from '../../src/gpio/coprocessor-chip.js';
import { SyntheticChip } from '../../src/gpio/synthetic/synthetic-chip.js';
import { BOTH, eventsOf, INPUT, OUTPUT } from '../contract/chip.js';
import { type DriverRig, type RigOptions, useRigs } from '../driver/driver-rig.js';

const driverRig = useRigs();

const HUB = ['A', 'B', 'C', 'D', 'DOOR', 'LOCK', 'G', 'H'];
const IMU = ['IRQ', 'RESET'];

/** Two coprocessors, `hub` and `imu`, which appear when told to. */
async function house() {
  const directory = new ChipDirectory();
  const boards = { hub: await board('hub', HUB), imu: await board('imu', IMU) };
  for (const { chip } of Object.values(boards)) directory.add(chip);
  return { directory, ...boards, make: (...args: Parameters<typeof synthetic>) => synthetic(...args) };

  function synthetic(name: string, lines: readonly string[], shared = false): SyntheticChip {
    const { time } = boards.hub.rig;
    return new SyntheticChip({ description: { name, lines, shared }, directory, clock: time, timers: time });
  }
}

async function board(name: string, names: readonly string[]) {
  const rig = driverRig(boardOf(names));
  await rig.up();
  return { rig, chip: chipOver(name, rig) };
}

function boardOf(names: readonly string[]): RigOptions {
  return { coprocessor: { lines: names.length, names } };
}

function chipOver(name: string, rig: DriverRig): CoprocessorChip {
  const { time, first: remote } = rig;
  return new CoprocessorChip({ name, remote, clock: time, timers: time, startingMs: 1_000 });
}

const ask = (chip: Chip, offsets: readonly number[], config = INPUT, consumer = 'test') =>
  chip.requestLines({ consumer, offsets, config });

describe('the lines of a synthetic chip', () => {
  it('are those that were asked for, in that order, with their names or those given', async () => {
    const { make } = await house();
    const chip = make('door', ['hub:LOCK', 'imu:1', 'hub:2-1', 'hub:4=door-sensor']);
    const lines = Array.from({ length: chip.lineCount }, (_, offset) => chip.lineInfo(offset));
    expect(lines.map(({ offset, name }) => [offset, name])).toEqual([
      [0, 'LOCK'],
      [1, 'RESET'],
      [2, 'C'],
      [3, 'B'],
      [4, 'door-sensor'],
    ]);
    expect(chip.findLine('door-sensor')).toBe(4);
    expect(chip.findLine('DOOR')).toBeUndefined();
  });

  it('of several coprocessors share one request, its sequence numbers and its own names', async () => {
    const { make, hub, imu } = await house();
    const request = await ask(make('door', ['imu:IRQ', 'hub:DOOR']), [1, 0], BOTH);
    const seen = eventsOf(request);
    hub.rig.coprocessor.drive(4, 1);
    await hub.rig.settle();
    imu.rig.coprocessor.drive(0, 1);
    await imu.rig.settle();
    hub.rig.coprocessor.drive(4, 0);
    await hub.rig.settle();
    expect(seen).toMatchObject([
      { chip: 'door', offset: 1, edge: 'rising', seqno: 1, lineSeqno: 1, stampedBy: 'device' },
      { chip: 'door', offset: 0, edge: 'rising', seqno: 2, lineSeqno: 1 },
      { chip: 'door', offset: 1, edge: 'falling', seqno: 3, lineSeqno: 2 },
    ]);
    expect(await request.getValues([0, 1])).toEqual([1, 0]);
    expect(await request.getValues()).toEqual([0, 1]);
  });

  it('are read in as few messages as those of the parent', async () => {
    const { make, hub } = await house();
    const packets = async (chip: Chip): Promise<number> => {
      const request = await ask(chip, [0, 1, 2, 3, 4, 5, 6, 7]);
      const before = hub.rig.link.sent.length;
      await request.getValues();
      const sent = hub.rig.link.sent.length - before;
      await request.release();
      return sent;
    };
    const direct = await packets(hub.chip);
    expect(direct).toBeLessThan(8);
    expect(await packets(make('all', ['hub:7-0']))).toBe(direct);
  });

  it('are set all or none, also across coprocessors', async () => {
    const { make, hub, imu } = await house();
    const chip = make('door', ['hub:0', 'imu:1']);
    const config = [{ ...OUTPUT, value: 0 }, INPUT] as const;
    const request = await chip.requestLines({ consumer: 'x', offsets: [0, 1], config });
    const set = request.setValues(
      new Map([
        [0, 1],
        [1, 1],
      ]),
    );
    await expect(set).rejects.toThrow("line 1 of chip 'door' is not an output");
    expect(hub.rig.coprocessor.pin(0).level).toBe(0);
    await request.reconfigure(OUTPUT);
    await request.setValues(new Map([[1, 1]]));
    expect(imu.rig.coprocessor.pin(1)).toMatchObject({ direction: 'output', level: 1 });
  });

  it('are requested all or none, also across coprocessors', async () => {
    const { make, hub, imu } = await house();
    const chip = make('door', ['hub:0', 'imu:1'], true);
    await ask(imu.chip, [1]);
    await expect(ask(chip, [0, 1])).rejects.toMatchObject({ name: 'BUSY' });
    expect(hub.chip.lineInfo(0)).toMatchObject({ used: false });
    expect(hub.rig.coprocessor.pin(0).direction).toBe('none');
  });

  it('lose an unknown number of edges only where their own coprocessor restarted', async () => {
    const { make, hub } = await house();
    const seen = eventsOf(await ask(make('door', ['imu:0', 'hub:4', 'hub:5']), [0, 1, 2], BOTH));
    hub.rig.coprocessor.reboot();
    await hub.rig.until(() => seen.length > 1, 'gaps');
    await hub.rig.settle();
    expect(seen).toMatchObject([
      { type: 'gap', offset: 1, lost: null, reason: 'firmware-restart', level: 0 },
      { type: 'gap', offset: 2, lost: null, reason: 'firmware-restart', level: 0 },
    ]);
  });
});

describe('a line belongs to one request', () => {
  it('and while a chip holds it, its parent refuses it and says why', async () => {
    const { make, hub } = await house();
    const chip = make('door', ['hub:4']);
    await expect(ask(hub.chip, [4])).rejects.toMatchObject({
      name: 'BUSY',
      message: "line 4 ('DOOR') of chip 'hub' belongs to synthetic chip 'door'",
    });
    const request = await ask(chip, [0], BOTH, 'lockd');
    await expect(ask(hub.chip, [4])).rejects.toThrow("is in use by 'lockd' through synthetic chip 'door'");
    await request.release();
    await chip.close('deleted');
    await expect(ask(hub.chip, [4])).resolves.toBeDefined();
  });

  it('who uses it is told through the parent, and through others only that it is used', async () => {
    const { make, hub } = await house();
    const [one, two] = [make('one', ['hub:4'], true), make('two', ['hub:4'], true)];
    await ask(one, [0], BOTH, 'lockd');
    expect(hub.chip.lineInfo(4)).toMatchObject({
      used: true,
      consumer: 'lockd',
      throughChip: 'one',
      edges: 'both',
    });
    expect(one.lineInfo(0)).toMatchObject({ used: true, consumer: 'lockd', edges: 'both' });
    expect(one.lineInfo(0)).not.toHaveProperty('throughChip');
    expect(two.lineInfo(0)).toEqual({ ...one.lineInfo(0), edges: 'none', consumer: undefined });
    await expect(ask(two, [0])).rejects.toThrow(/^line 0 of chip 'two' is in use$/);
    await expect(ask(one, [0])).rejects.toThrow(/^line 0 of chip 'one' is in use by 'lockd'$/);
  });

  it("and through another chip also its direction and its changes are nobody else's business", async () => {
    const { make } = await house();
    const [one, two] = [make('one', ['hub:4'], true), make('two', ['hub:4'], true)];
    const before = two.lineInfo(0);
    const told: unknown[] = [];
    two.lineInfo$.subscribe(({ kind, info }) => told.push([kind, info]));
    const request = await ask(one, [0], { ...OUTPUT, value: 1 }, 'lockd');
    await request.reconfigure(INPUT);
    await request.reconfigure({ ...OUTPUT, activeLow: true });
    expect(told).toEqual([['requested', { ...before, used: true }]]);
    expect(two.lineInfo(0)).toEqual({ ...before, used: true });
  });

  it('shared by all who name it, or by none', async () => {
    const { make, hub } = await house();
    make('first', ['hub:4']);
    const second = make('second', ['hub:4', 'hub:5'], true);
    expect(second.lineInfo(0)).toMatchObject({
      used: false,
      unavailable: 'another chip has it',
    });
    await expect(ask(second, [0])).rejects.toMatchObject({
      name: 'BUSY',
      message: "line 0 of chip 'second' cannot be used: another chip has it",
    });
    await ask(second, [1]);
    expect(hub.chip.lineInfo(5)).toMatchObject({ used: true, throughChip: 'second' });
  });

  it('that was in the way is forgotten on retry when it is gone', async () => {
    const { make } = await house();
    const first = make('first', ['hub:4']);
    const second = make('second', ['hub:DOOR']);
    await first.close('deleted');
    second.retry();
    await expect(ask(second, [0])).resolves.toBeDefined();
  });

  it('changes of that are told through every chip that names the line', async () => {
    const { make, hub } = await house();
    const [one, two] = [make('one', ['hub:0', 'hub:4'], true), make('two', ['hub:4'], true)];
    const told: unknown[] = [];
    const listen = (chip: Chip) =>
      chip.lineInfo$.subscribe(({ kind, info }: LineInfoChange) =>
        told.push([chip.name, kind, info.offset, info.used, info.consumer, info.throughChip]),
      );
    for (const chip of [hub.chip, one, two]) listen(chip);
    const request = await ask(one, [1], INPUT, 'lockd');
    await request.release();
    expect(told).toEqual([
      ['hub', 'requested', 4, true, 'lockd', 'one'],
      ['one', 'requested', 1, true, 'lockd', undefined],
      ['two', 'requested', 0, true, undefined, undefined],
      ['hub', 'released', 4, false, undefined, undefined],
      ['one', 'released', 1, false, undefined, undefined],
      ['two', 'released', 0, false, undefined, undefined],
    ]);
  });

  it('and who watches the parent is told of lines that come to belong to a chip, and are left', async () => {
    const { make, hub } = await house();
    const told: unknown[] = [];
    hub.chip.lineInfo$.subscribe(({ kind, info }) =>
      told.push([kind, info.offset, info.used, info.consumer, info.throughChip]),
    );
    await make('shared', ['hub:1'], true).close('deleted');
    const door = make('door', ['hub:4']);
    const request = await ask(door, [0], INPUT, 'lockd');
    await request.release();
    await door.close('deleted');
    expect(told).toEqual([
      ['requested', 4, true, undefined, 'door'],
      ['requested', 4, true, 'lockd', 'door'],
      ['released', 4, true, undefined, 'door'],
      ['released', 4, false, undefined, undefined],
    ]);
  });

  it('and is given back when its chip goes, with the request', async () => {
    const { make, hub } = await house();
    const chip = make('door', ['hub:0']);
    const request = await ask(chip, [0], { ...OUTPUT, value: 1 });
    await chip.close('it was deleted');
    expect(request.ended).toBe('it was deleted');
    expect(hub.rig.coprocessor.pin(0).direction).toBe('none');
    expect(hub.chip.lineInfo(0)).toMatchObject({ used: false });
    await expect(ask(chip, [0])).rejects.toMatchObject({ name: 'CLOSED' });
  });
});

const DOWN = "its coprocessor is down; 'gpiobridge status' tells whoever may use the control socket why";

describe('coprocessors that come and go', () => {
  it('leave a chip down until they are there, with all its lines', async () => {
    const directory = new ChipDirectory();
    const rig = driverRig(boardOf(HUB));
    const base = { clock: rig.time, timers: rig.time };
    const chip = new SyntheticChip({
      ...base,
      description: { name: 'door', lines: ['hub:DOOR', 'hub:0-2'], shared: false },
      directory,
    });
    expect([chip.lineCount, chip.state]).toEqual([4, { kind: 'down', reason: DOWN }]);
    expect(chip.fullState).toEqual({ kind: 'down', reason: "chip 'hub' is not there" });
    expect(chip.lineInfo(0)).toMatchObject({ name: 'DOOR', unavailable: DOWN });
    await expect(ask(chip, [0])).rejects.toMatchObject({ name: 'LINK_DOWN' });
    await rig.up();
    directory.add(chipOver('hub', rig));
    await rig.until(() => chip.state.kind === 'up', 'the chip to be up');
    expect(chip.lineInfo(1)).toMatchObject({ name: 'A', used: false });
    await expect(ask(chip, [0, 3])).resolves.toBeDefined();
  });

  it('keep requests while they are away; other lines work on', async () => {
    const { make, hub, imu } = await house();
    const chip = make('door', ['hub:DOOR', 'imu:RESET']);
    const request = await ask(chip, [0], BOTH);
    const seen = eventsOf(request);
    await hub.rig.link.close();
    await hub.rig.settle();
    expect(chip.state).toEqual({
      kind: 'down',
      reason: DOWN.replace('its', 'one of its').replace('or', 'ors'),
    });
    expect(chip.fullState).toMatchObject({ kind: 'down', reason: /^chip 'hub' is down: / });
    expect(chip.lineInfo(0)).toMatchObject({ used: true, unavailable: DOWN });
    await expect(ask(chip, [1], { ...OUTPUT, value: 1 })).resolves.toBeDefined();
    expect(imu.rig.coprocessor.pin(1).level).toBe(1);
    hub.rig.coprocessor.drive(4, 1);
    hub.rig.connect();
    await hub.rig.until(() => chip.state.kind === 'up', 'the chip to be up');
    await hub.rig.settle();
    expect(request.ended).toBeUndefined();
    expect(seen).toMatchObject([{ type: 'edge', offset: 0, lost: 0 }]);
  });

  it('with other lines, keep those that still match and say of the others that they are gone', async () => {
    const { make, hub } = await house();
    const chip = make('door', ['hub:0', 'hub:DOOR', 'hub:LOCK', 'hub:7']);
    const [stays, moves, gone, beyond] = await Promise.all(
      [0, 1, 2, 3].map((offset) => ask(chip, [offset], BOTH)),
    );
    hub.rig.adoptCoprocessor(driverRig(boardOf(['A', 'B', 'DOOR', 'SECRET'])));
    await hub.rig.until(() => beyond?.ended !== undefined && chip.state.kind === 'up', 'other firmware');
    await hub.rig.settle();
    expect(stays?.ended).toBeUndefined();
    for (const ended of [moves, gone, beyond])
      expect(ended?.ended).toMatch(/of chip 'door' is gone: the firmware/);
    expect(chip.lineInfo(1)).toMatchObject({ name: 'DOOR' });
    expect(chip.lineInfo(1)).not.toHaveProperty('unavailable');
    expect(chip.lineInfo(2)).toMatchObject({
      name: 'LOCK',
      unavailable: 'its coprocessor has no such line now',
    });
    expect(chip.bindings[2]!.binding.problem?.message).toBe("chip 'hub' has no line 'LOCK' now");
    expect(chip.bindings[3]!.binding.problem?.message).toBe("chip 'hub' has no line 7 now");
    await expect(ask(chip, [2])).rejects.toMatchObject({ name: 'LINE_GONE' });
    await expect(ask(chip, [1])).resolves.toBeDefined();
  });

  it('that are taken out of the configuration end the requests of their lines', async () => {
    const { make, directory, hub } = await house();
    const chip = make('door', ['hub:0', 'imu:0']);
    const request = await ask(chip, [0, 1], BOTH);
    hub.chip.close('the configuration changed');
    directory.remove(hub.chip);
    await hub.rig.until(() => request.ended !== undefined, 'the request to end');
    expect(chip.lineInfo(0)).toMatchObject({ unavailable: DOWN });
    expect(chip.state).toMatchObject({ kind: 'down' });
    await hub.rig.settle();
    await expect(ask(chip, [1])).resolves.toBeDefined();
  });
});
