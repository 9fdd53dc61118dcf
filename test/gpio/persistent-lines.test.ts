import { describe, expect, it } from 'vitest';
import type { LineConfig } from '../../src/gpio/chip.js';
import { CoprocessorChip } from '../../src/gpio/coprocessor-chip.js';
import { PersistentLines } from '../../src/gpio/persistent-lines.js';
import { useRigs } from '../driver/driver-rig.js';

const INPUT: LineConfig = { direction: 'input', edges: 'none', activeLow: false, eventClock: 'monotonic' };
const driven = (value: 0 | 1): LineConfig => ({ ...INPUT, direction: 'output', value });

const driverRig = useRigs();

/** The persistent lines of a chip over the real driver and a simulated coprocessor. */
async function persistentRig(onRestart: 'restore' | 'release' = 'restore') {
  const rig = driverRig({ driver: { onRestart } });
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
  const ended: string[] = [];
  const lines = new PersistentLines(chip, (offset, reason) => ended.push(`${offset}: ${reason}`));
  const keep = (offsets: readonly number[], config: LineConfig | readonly LineConfig[], consumer = 'me') =>
    lines.keep({ consumer, offsets, config });
  return { rig, chip, lines, keep, ended, pin: (offset: number) => rig.coprocessor.pin(offset) };
}

describe('persistent lines', () => {
  it('are requested for their consumer, and released one by one', async () => {
    const { chip, lines, keep, pin } = await persistentRig();
    await keep([3, 4], [driven(1), INPUT]);
    expect(pin(3)).toMatchObject({ direction: 'output', level: 1 });
    expect(chip.lineInfo(3)).toMatchObject({ used: true, consumer: 'me', persistent: true });
    const other = chip.requestLines({ consumer: 'other', offsets: [4], config: INPUT });
    await expect(other).rejects.toMatchObject({ name: 'BUSY', message: /by 'me' persistently: release it/ });
    expect(await lines.release([4])).toEqual([4]);
    expect(chip.lineInfo(4)).toMatchObject({ used: false, persistent: false });
    expect(chip.lineInfo(3).used).toBe(true);
    expect(await lines.release()).toEqual([3]);
    expect(lines.count).toBe(0);
    expect(pin(3).direction).toBe('none');
  });

  it('change for the same consumer without being let go, and are refused to another', async () => {
    const { rig, keep, pin, lines } = await persistentRig();
    await keep([3], driven(1));
    const seen: string[] = [];
    const watching = rig.coprocessor.outputs$.subscribe(({ line, direction, level }) => {
      if (line === 3) seen.push(`${direction} ${level}`);
    });
    await keep([3, 5], driven(0));
    watching.unsubscribe();
    expect(pin(3)).toMatchObject({ direction: 'output', level: 0 });
    expect([...new Set(seen)]).toEqual(['output 0']);
    expect(lines.count).toBe(2);
    await expect(keep([3], driven(1), 'other')).rejects.toMatchObject({ name: 'BUSY', message: /by 'me'/ });
    expect(pin(3).level).toBe(0);
  });

  it('are taken all or none', async () => {
    const { chip, keep, lines, pin } = await persistentRig();
    await chip.requestLines({ consumer: 'holder', offsets: [6], config: INPUT });
    await expect(keep([5, 6], driven(1))).rejects.toMatchObject({ name: 'BUSY', message: /by 'holder'/ });
    await expect(keep([5, 999], driven(1))).rejects.toMatchObject({ name: 'INVALID_ARGUMENT' });
    expect(lines.count).toBe(0);
    expect(chip.lineInfo(5).used).toBe(false);
    expect(pin(5).direction).toBe('none');
  });

  it('refuse edges, and a release of what is not kept releases nothing', async () => {
    const { chip, keep, lines } = await persistentRig();
    await expect(keep([1], { ...INPUT, edges: 'both' })).rejects.toMatchObject({ name: 'INVALID_ARGUMENT' });
    await keep([1], INPUT);
    await chip.requestLines({ consumer: 'holder', offsets: [2], config: INPUT });
    await expect(lines.release([1, 2])).rejects.toMatchObject({ name: 'NOT_FOUND' });
    expect(lines.count).toBe(1);
    expect(chip.lineInfo(1).used).toBe(true);
  });

  it('are set again after a restart of the coprocessor', async () => {
    const { rig, chip, keep, pin, ended } = await persistentRig();
    await keep([3], driven(1));
    rig.coprocessor.reboot();
    await rig.until(() => chip.state.kind === 'up' && rig.first.counters.restarts === 1, 'the restart');
    expect(pin(3)).toMatchObject({ direction: 'output', level: 1 });
    expect(ended).toEqual([]);
  });

  it('end with a restart where on_restart is "release", which is told', async () => {
    const { rig, keep, lines, ended } = await persistentRig('release');
    await keep([3], driven(1));
    rig.coprocessor.reboot();
    await rig.until(() => lines.count === 0, 'the line to end');
    expect(ended).toEqual([expect.stringMatching(/^3: .*restarted/)]);
    await keep([3], driven(1));
    expect(lines.count).toBe(1);
  });

  it('go with their chip, also one that is just being requested', async () => {
    const { rig, chip, keep, lines, ended } = await persistentRig();
    await keep([3], driven(1));
    const under = keep([4], driven(1));
    await rig.until(() => chip.lineInfo(4).used, 'the request to be under way');
    await lines.close();
    await under;
    expect(chip.lineInfo(3).used || chip.lineInfo(4).used).toBe(false);
    await expect(keep([5], INPUT)).rejects.toMatchObject({ name: 'CLOSED' });
    expect(ended).toEqual([]);
  });
});
