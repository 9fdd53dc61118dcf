import { describe, expect, it } from 'vitest';
import type { LineEvent } from '../../src/events/edge-event.js';
import type { Chip, Level, LineConfig, LineInfoChange, LineRequest } from '../../src/gpio/chip.js';
import type { DriverRig, RigOptions } from '../driver/driver-rig.js';

export const INPUT: LineConfig = {
  direction: 'input',
  edges: 'none',
  activeLow: false,
  eventClock: 'monotonic',
};
export const BOTH: LineConfig = { ...INPUT, edges: 'both' };
export const OUTPUT: LineConfig = { ...INPUT, direction: 'output' };

/** A chip over the real driver and a simulated coprocessor; time by hand. */
export interface ChipUnderTest {
  readonly chip: Chip;
  readonly rig: DriverRig;
  /** The pin of the coprocessor that is this line of the chip. */
  readonly pinOf: (offset: number) => number;
}

export type OnRestart = 'restore' | 'release';

/** What every chip promises, whatever its lines are lines of. `make` takes the names by the chip's offsets. */
export function chipContract(
  make: (options: RigOptions, onRestart: OnRestart) => Promise<ChipUnderTest>,
): void {
  async function chipRig(options: RigOptions = {}, onRestart: OnRestart = 'restore') {
    const { chip, rig, pinOf } = await make(options, onRestart);
    return {
      rig,
      chip,
      request: (offsets: readonly number[], config: LineConfig, consumer = 'test'): Promise<LineRequest> =>
        chip.requestLines({ consumer, offsets, config }),
      events: eventsOf,
      drive: (offset: number, level: Level) => rig.coprocessor.drive(pinOf(offset), level),
      pin: (offset: number) => rig.coprocessor.pin(pinOf(offset)),
    };
  }

  describe('requests', () => {
    it('own their lines: a second one is told by whom, and takes none of its own', async () => {
      const { chip, request } = await chipRig({ coprocessor: { names: ['A', 'DOOR'] } });
      await request([1], INPUT, 'first');
      await expect(request([0, 1], INPUT, 'second')).rejects.toMatchObject({
        name: 'BUSY',
        message: expect.stringMatching(/^line 1 (\('DOOR'\) )?of chip '\w+' is in use by 'first'$/),
      });
      expect(chip.lineInfo(0)).toMatchObject({ used: false });
      expect(chip.lineInfo(1)).toMatchObject({ used: true, consumer: 'first' });
    });

    it('give their lines back, and the next one may wait for that', async () => {
      const { request } = await chipRig();
      const first = await request([2], BOTH);
      const releasing = first.release();
      const second = await request([2], BOTH, 'next');
      await releasing;
      expect(first.ended).toBe('released');
      expect(second.ended).toBeUndefined();
    });

    it('refuse what cannot be, before anything is changed', async () => {
      const { request, rig } = await chipRig();
      const bad: [readonly number[], LineConfig, RegExp][] = [
        [[], INPUT, /at least one GPIO line/],
        [[99], INPUT, /offset 99 is out of range on chip '\w+'/],
        [[-1], INPUT, /out of range/],
        [[1, 1], INPUT, /named twice/],
        [[1], { ...OUTPUT, edges: 'both' }, /edges need direction input/],
        [[1], { ...INPUT, value: 1 }, /a value needs direction output/],
        [Array.from({ length: 65 }, (_, i) => i), INPUT, /at most 64/],
      ];
      const sent = rig.first.counters.requests_sent;
      for (const [offsets, config, message] of bad) {
        await expect(request(offsets, config)).rejects.toMatchObject({ name: 'INVALID_ARGUMENT', message });
      }
      expect(rig.first.counters.requests_sent).toBe(sent);
    });

    it('refuse edges where the firmware has no interrupts', async () => {
      const { request } = await chipRig({
        coprocessor: { features: { irq: false, stamp: false, queue: false } },
      });
      await expect(request([1], BOTH)).rejects.toMatchObject({ name: 'NOT_SUPPORTED' });
      await expect(request([1], INPUT)).resolves.toBeDefined();
    });

    it('drive outputs, logically, and never show another value', async () => {
      const { request, rig, pin } = await chipRig();
      const shown: string[] = [];
      rig.coprocessor.outputs$.subscribe(({ direction, level }) => shown.push(`${direction} ${level}`));
      const output = await request([3], { ...OUTPUT, activeLow: true, value: 0 });
      expect(shown).toEqual(['output 1']);
      await output.setValues(new Map([[3, 1]]));
      expect(pin(3).level).toBe(0);
      expect(await output.getValues()).toEqual([1]);
      await output.release();
      expect(pin(3).direction).toBe('none');
    });

    it('set no line that is not theirs or not an output', async () => {
      const { request } = await chipRig();
      const input = await request([4], INPUT);
      await expect(input.setValues(new Map([[4, 1]]))).rejects.toMatchObject({ name: 'INVALID_ARGUMENT' });
      await expect(input.setValues(new Map([[5, 1]]))).rejects.toMatchObject({ name: 'INVALID_ARGUMENT' });
      await expect(input.getValues([5])).rejects.toMatchObject({ name: 'INVALID_ARGUMENT' });
      await input.release();
      await expect(input.getValues()).rejects.toMatchObject({ name: 'CLOSED' });
    });

    it('are reconfigured in place', async () => {
      const { request, rig, drive, pin, events, chip } = await chipRig();
      const line = await request([6], BOTH);
      const seen = events(line);
      await line.reconfigure({ ...OUTPUT, value: 1 });
      expect(pin(6)).toMatchObject({ direction: 'output', level: 1 });
      await line.reconfigure({ ...BOTH, activeLow: true });
      drive(6, 1);
      drive(6, 0);
      await rig.settle();
      expect(seen.filter((event) => event.type === 'edge').map((event) => event.edge)).toEqual([
        'falling',
        'rising',
      ]);
      expect(chip.lineInfo(6)).toMatchObject({ direction: 'input', edges: 'both', activeLow: true });
    });

    it('tell who watches of requested, reconfigured and released lines', async () => {
      const { chip, request } = await chipRig();
      const changes: LineInfoChange[] = [];
      chip.lineInfo$.subscribe((change) => changes.push(change));
      const line = await request([7], INPUT, 'me');
      await line.reconfigure(BOTH);
      await line.release();
      expect(changes.map(({ kind, info }) => [kind, info.offset, info.used])).toEqual([
        ['requested', 7, true],
        ['reconfigured', 7, true],
        ['released', 7, false],
      ]);
    });
  });

  describe('edges', () => {
    it('come stamped, in order, from the request on', async () => {
      const { request, rig, drive, events } = await chipRig();
      const line = await request([5], BOTH);
      drive(5, 1);
      await rig.settle();
      const seen = events(line);
      drive(5, 0);
      await rig.settle();
      expect(seen).toMatchObject([
        { type: 'edge', edge: 'rising', seqno: 1, lost: 0, stampedBy: 'device', levelSource: 'reported' },
        { type: 'edge', edge: 'falling', seqno: 2, lost: 0 },
      ]);
    });

    it('are read and marked so where the device tells no levels', async () => {
      const { request, rig, drive, events } = await chipRig({
        coprocessor: { features: { irq: true, stamp: false, queue: false } },
      });
      const seen = events(await request([5], BOTH));
      drive(5, 1);
      await rig.settle(8);
      drive(5, 0);
      await rig.settle(8);
      expect(seen).toMatchObject([
        {
          type: 'edge',
          edge: 'rising',
          levelSource: 'read',
          lost: null,
          stampedBy: 'host',
          uncertaintyNs: null,
        },
        { type: 'edge', edge: 'falling', levelSource: 'read', lost: null },
      ]);
    });

    it('that were kept but not delivered are counted when the line is released', async () => {
      const { request, rig, drive, events } = await chipRig();
      const line = await request([5], BOTH);
      const seen = events(line);
      rig.first.holdRearming(true);
      const { eventDepth } = rig.first.description!;
      const sensed = 3 * eventDepth;
      for (let i = 0; i < sensed; i++) drive(5, i % 2 === 0 ? 1 : 0);
      await rig.settle(8);
      await line.release();
      const delivered = seen.filter((event) => event.type === 'edge').length;
      const lost = seen.reduce((sum, event) => sum + (event.lost ?? Number.NaN), 0);
      expect(delivered).toBeGreaterThan(0);
      expect(delivered + lost).toBe(sensed);
    });
  });

  describe('a restart of the firmware', () => {
    it('keeps requests: outputs are set again, edges go on after one gap of unknown size', async () => {
      const { request, rig, drive, pin, events, chip } = await chipRig();
      await request([3], { ...OUTPUT, value: 1 });
      const seen = events(await request([5], BOTH));
      rig.coprocessor.reboot();
      await rig.until(() => chip.state.kind === 'up' && rig.first.counters.restarts === 1, 'the restart');
      expect(pin(3)).toMatchObject({ direction: 'output', level: 1 });
      drive(5, 1);
      await rig.settle();
      expect(seen.map((event) => [event.type, event.lost])).toEqual([
        ['gap', null],
        ['edge', 0],
      ]);
    });

    it('ends requests where on_restart is "release"', async () => {
      const { request, rig, chip } = await chipRig({}, 'release');
      const line = await request([5], BOTH);
      rig.coprocessor.reboot();
      await rig.until(
        () => line.ended !== undefined && chip.lineInfo(5).used === false,
        'the request to end',
      );
      expect(line.ended).toMatch(/restarted/);
    });
  });

  describe('a chip that is down', () => {
    it('says why, refuses requests, and keeps those it has', async () => {
      const { request, rig, drive, chip, events } = await chipRig();
      const line = await request([5], BOTH);
      const seen = events(line);
      await rig.link.close();
      await rig.settle();
      expect(chip.state).toMatchObject({ kind: 'down' });
      await expect(request([6], INPUT)).rejects.toMatchObject({
        name: 'LINK_DOWN',
        message: expect.stringContaining(`chip '${chip.name}' is down: `),
      });
      drive(5, 1);
      rig.connect();
      await rig.until(() => chip.state.kind === 'up', 'the chip to be up');
      await rig.settle();
      expect(line.ended).toBeUndefined();
      expect(seen).toMatchObject([{ type: 'edge', edge: 'rising', lost: 0 }]);
    });

    it('forgets lines released meanwhile at the coprocessor too, once it is back', async () => {
      const { request, rig, pin, chip } = await chipRig();
      const line = await request([3], { ...OUTPUT, value: 1 });
      await rig.link.close();
      await rig.settle();
      await line.release();
      expect(pin(3).direction).toBe('output');
      rig.connect();
      await rig.until(() => chip.state.kind === 'up', 'the chip to be up');
      expect(pin(3).direction).toBe('none');
    });
  });
}

/** All that a request brings from now on. */
export function eventsOf(request: LineRequest): LineEvent[] {
  const seen: LineEvent[] = [];
  request.events$.subscribe((batch) => seen.push(...batch));
  return seen;
}
