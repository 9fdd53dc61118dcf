import { describe, expect, it } from 'vitest';
import type { MessageDialect } from '../../src/driver/dialect.js';
import type { Level } from '../../src/driver/remote-gpio.js';
import type { LineConfig } from '../../src/gpio/chip.js';
import { DialectRig, type DialectRigOptions, RIG_PORTS, type RigPort } from '../support/dialect-rig.js';

const DIALECTS: readonly MessageDialect[] = ['rpmsg-gpio', 'rpmsg-gpio-v14', 'srtm'];
const CASES: [MessageDialect, RigPort][] = DIALECTS.flatMap((dialect) =>
  RIG_PORTS.map((port): [MessageDialect, RigPort] => [dialect, port]),
);
const ALL_LINES = Array.from({ length: 32 }, (_, line) => line);
const INPUT: LineConfig = { direction: 'input', edges: 'none', activeLow: false, eventClock: 'monotonic' };
/** Where a request is to run out of time; and others are not, while the machine does other things. */
const SHORT = { request: 2_000 };
const OUTPUT: LineConfig = { ...INPUT, direction: 'output' };

/** When a test is over; several run at a time. */
type Finished = (cleanUp: () => Promise<void>) => void;

async function start(finished: Finished, options: DialectRigOptions): Promise<DialectRig> {
  const rig = await DialectRig.start(options);
  finished(() => rig.stop());
  return rig;
}

// Most of their time is waited.
describe.concurrent.each(CASES)('%s over %s', (dialect, port) => {
  it('reads and drives lines, and senses their edges', async ({ onTestFinished }) => {
    const rig = await start(onTestFinished, { dialect, port });
    const chip = rig.chip();
    expect([chip.lineCount, chip.countsLoss]).toEqual([32, false]);
    const values = [1, 0] as const;
    const config = values.map((value) => ({ ...OUTPUT, value }));
    const out = await rig.request([0, 1], config);
    expect([rig.coprocessor.pin(0), rig.coprocessor.pin(1)]).toMatchObject([
      { direction: 'output', level: 1 },
      { direction: 'output', level: 0 },
    ]);
    await out.setValues(
      new Map<number, Level>([
        [0, 0],
        [1, 1],
      ]),
    );
    expect([rig.coprocessor.pin(0).level, rig.coprocessor.pin(1).level]).toEqual([0, 1]);
    expect(await out.getValues()).toEqual([0, 1]);
    await out.release();

    const input = await rig.request([2], INPUT);
    expect(await input.getValues()).toEqual([0]);
    rig.drive(2, 1);
    expect(await input.getValues()).toEqual([1]);
    expect(rig.coprocessor.pin(2).direction).toBe('input');

    const watched = await rig.watch([3]);
    for (const level of [1, 0, 1] as const) {
      const before = watched.events.length;
      rig.drive(3, level);
      await rig.until(() => watched.events.length > before, `an event of level ${level}`);
    }
    expect(watched.events).toMatchObject([
      { type: 'edge', edge: 'rising', lineSeqno: 1, lost: null, stampedBy: 'host', uncertaintyNs: null },
      { type: 'edge', edge: 'falling', lineSeqno: 2, lost: null },
      { type: 'edge', edge: 'rising', lineSeqno: 3, lost: null },
    ]);
    expect(rig.truth.violations(watched.events, [3], true)).toEqual([]);
  });

  it('senses the edges that are asked for, and none after the end', async ({ onTestFinished }) => {
    const rig = await start(onTestFinished, { dialect, port });
    const rising = await rig.request([4], { ...INPUT, edges: 'rising' });
    const edges: string[] = [];
    rising.events$.subscribe((events) => edges.push(...events.map((event) => event.type)));
    rig.drive(4, 1);
    await rig.until(() => edges.length === 1, 'a rising edge');
    rig.drive(4, 0);
    // Its answer comes after an interrupt would have.
    await rising.getValues();
    rig.drive(4, 1);
    await rig.until(() => edges.length === 2, 'another rising edge');
    await rising.release();
    const sensed = rig.coprocessor.stats().total.sensed;
    rig.drive(4, 0);
    rig.drive(4, 1);
    expect(rig.coprocessor.stats().total.sensed).toBe(sensed);
    expect(edges.slice(0, 2)).toEqual(['edge', 'edge']);
  });

  it('tells of an interrupt between a request and its reply at once, and of the reply right', async ({
    onTestFinished,
  }) => {
    const rig = await start(onTestFinished, { dialect, port });
    const watched = await rig.watch([5]);
    const input = await rig.request([6], INPUT);
    rig.coprocessor.drive(6, 1);
    rig.fault('late:2s');
    let answer: Level[] | undefined;
    const reading = input.getValues().then((values) => {
      answer = values;
    });
    await rig.until(() => rig.coprocessor.stats().wire.answers_late! > 0, 'the request to be under way');
    rig.drive(5, 1);
    const interrupts = () => rig.controllers.get(0)!.counters.edges!;
    await rig.until(() => interrupts() === 1, 'the interrupt');
    expect(answer).toBeUndefined();
    await reading;
    expect(answer).toEqual([1]);
    rig.coprocessor.clearFaults();
    expect(await rig.judged(watched, [5])).toEqual([]);
    expect(watched.events.filter(({ type }) => type === 'edge')).toHaveLength(1);
  });

  it('takes no reply that comes after its time for another', async ({ onTestFinished }) => {
    const rig = await start(onTestFinished, { dialect, port, limits: SHORT });
    const lines = await rig.answered(() => rig.request([7, 8, 9], INPUT));
    rig.coprocessor.drive(8, 1);
    rig.fault('late:2600ms');
    await expect(lines.getValues([7])).rejects.toMatchObject({ name: 'TIMEOUT' });
    rig.coprocessor.clearFaults();
    // The late answer says 0, and these would be wrong by one if it were taken for theirs.
    const after = [8, 9, 8].map((line) => rig.answered(() => lines.getValues([line])));
    expect(await Promise.all(after), rig.describe()).toEqual([[1], [0], [1]]);
    for (let round = 0; round < 5; round++) {
      const level = (round % 2) as Level;
      rig.coprocessor.drive(7, level);
      rig.coprocessor.drive(9, (1 - level) as Level);
      const levels = await rig.answered(() => lines.getValues());
      expect(levels, rig.describe()).toEqual([level, 1, 1 - level]);
    }
  });

  it('sets again what a late reply left in doubt', async ({ onTestFinished }) => {
    const rig = await start(onTestFinished, { dialect, port, limits: SHORT });
    const out = await rig.answered(() => rig.request([10], { ...OUTPUT, value: 0 }));
    rig.fault('silent:1');
    await expect(out.setValues(new Map([[10, 1 as Level]]))).rejects.toMatchObject({ name: 'TIMEOUT' });
    rig.coprocessor.clearFaults();
    await rig.until(() => rig.coprocessor.pin(10).level === 1, 'the value to be set after all');
    expect(await rig.answered(() => out.getValues())).toEqual([1]);
  });

  it('keeps its account when interrupts and reads race', async ({ onTestFinished }) => {
    const rig = await start(onTestFinished, { dialect, port });
    const watched = await rig.watch([11, 12]);
    for (let i = 0; i < 60; i++) {
      rig.drive(11, (1 - rig.truth.levelOf(11)) as Level);
      const reading = watched.request.getValues();
      if (i % 3 === 0) rig.drive(12, (1 - rig.truth.levelOf(12)) as Level);
      if (i % 2 === 0) rig.drive(11, (1 - rig.truth.levelOf(11)) as Level);
      await reading;
    }
    expect(await rig.judged(watched, [11, 12]), rig.describe()).toEqual([]);
    expect(await watched.request.getValues()).toEqual([rig.truth.levelOf(11), rig.truth.levelOf(12)]);
  });

  it('senses 32 lines that toggle at once, each once', async ({ onTestFinished }) => {
    const rig = await start(onTestFinished, { dialect, port });
    const watched = await rig.watch(ALL_LINES);
    for (const level of [1, 0] as const) {
      for (const line of ALL_LINES) rig.drive(line, level);
      expect(await rig.judged(watched, ALL_LINES), rig.describe()).toEqual([]);
    }
    expect(watched.events).toHaveLength(64);
    expect(watched.events.filter(({ type }) => type === 'gap')).toEqual([]);
    expect(rig.coprocessor.stats().total).toMatchObject({ sensed: 64, delivered: 64 });
  });

  it('says what firmware refuses that refuses everything, and goes on when it does no more', async ({
    onTestFinished,
  }) => {
    const rig = await start(onTestFinished, { dialect, port });
    const watched = await rig.watch([13]);
    const input = await rig.request([14], INPUT);
    rig.fault('refuse:1');
    await expect(input.getValues()).rejects.toMatchObject({ name: 'DEVICE_ERROR' });
    await expect(rig.request([15], { ...OUTPUT, value: 1 })).rejects.toMatchObject({ name: 'DEVICE_ERROR' });
    await expect(rig.request([16], INPUT)).rejects.toMatchObject({ name: 'DEVICE_ERROR' });
    rig.drive(13, 1);
    // The line is masked, and cannot be unmasked.
    await rig.until(() => rig.coprocessor.stats().wire.requests_rejected! > 4, 'more refusals');
    rig.drive(13, 0);
    rig.drive(13, 1);
    rig.coprocessor.clearFaults();
    expect(await rig.judged(watched, [13]), rig.describe()).toEqual([]);
    expect(await input.getValues()).toEqual([0]);
    const out = await rig.request([15], { ...OUTPUT, value: 1 });
    expect(rig.coprocessor.pin(15)).toMatchObject({ direction: 'output', level: 1 });
    await out.release();
  });

  it('is down while firmware is silent, and up again with what it missed', async ({ onTestFinished }) => {
    const rig = await start(onTestFinished, { dialect, port, limits: SHORT });
    const watched = await rig.answered(() => rig.watch([17]));
    const out = await rig.answered(() => rig.request([18], { ...OUTPUT, value: 1 }));
    rig.drive(17, 1);
    await rig.until(() => watched.events.length === 1, 'an edge');
    rig.fault('silent:1');
    await expect(out.getValues()).rejects.toMatchObject({ name: 'TIMEOUT' });
    // One answer may go missing; where answers have numbers, of one line only.
    await watched.request.getValues().catch(() => undefined);
    await rig.until(() => rig.chip().state.kind !== 'up', 'the chip to be no more up');
    await expect(out.setValues(new Map([[18, 0 as Level]]))).rejects.toMatchObject({
      name: expect.stringMatching(/^(LINK_DOWN|TIMEOUT)$/),
    });
    rig.drive(17, 0);
    rig.drive(17, 1);
    rig.drive(17, 0);
    rig.coprocessor.clearFaults();
    await rig.up();
    expect(await rig.judged(watched, [17]), rig.describe()).toEqual([]);
    expect(await rig.answered(() => out.getValues())).toEqual([1]);
    rig.drive(17, 1);
    expect(await rig.judged(watched, [17]), rig.describe()).toEqual([]);
  });

  it('sets everything again after a restart, which is told as a gap', async ({ onTestFinished }) => {
    const rig = await start(onTestFinished, { dialect, port });
    const watched = await rig.watch([19]);
    await rig.request([20], { ...OUTPUT, value: 1 });
    rig.drive(19, 1);
    await rig.until(() => watched.events.length === 1, 'an edge');
    rig.fault('crash:300ms:100ms');
    await rig.until(() => rig.coprocessor.stats().boots >= 2, 'the restart');
    rig.coprocessor.clearFaults();
    await rig.until(() => rig.coprocessor.pin(20).direction === 'output', 'the output to be driven again');
    expect(rig.coprocessor.pin(20).level).toBe(1);
    await rig.up();
    await rig.until(() => watched.events.some(({ type }) => type === 'gap'), 'a gap');
    rig.drive(19, 0);
    expect(await rig.judged(watched, [19]), rig.describe()).toEqual([]);
  });

  it('senses again after a restart that the channel shows, or does not', async ({ onTestFinished }) => {
    const rig = await start(onTestFinished, { dialect, port });
    const watched = await rig.watch([22]);
    rig.drive(22, 1);
    await rig.until(() => watched.events.length === 1, 'an edge');
    rig.coprocessor.reboot();
    const before = watched.events.filter(({ type }) => type === 'edge').length;
    await rig.until(() => {
      rig.drive(22, (1 - rig.truth.levelOf(22)) as Level);
      return watched.events.filter(({ type }) => type === 'edge').length > before;
    }, 'another edge');
    expect(await rig.judged(watched, [22]), rig.describe()).toEqual([]);
  });

  it('makes an output of a line that an earlier driver left with its interrupt on', async ({
    onTestFinished,
  }) => {
    const rig = await start(onTestFinished, { dialect, port });
    const watched = await rig.watch([21]);
    rig.drive(21, 1);
    await rig.until(() => watched.events.length === 1, 'an edge');
    await rig.restartDriver();
    const out = await rig.request([21], { ...OUTPUT, value: 1 });
    expect(rig.coprocessor.pin(21)).toMatchObject({ direction: 'output', level: 1 });
    await out.release();
  });
});

describe.concurrent.each(RIG_PORTS)('srtm as the firmware of an old SDK speaks it, over %s', (port) => {
  it('is served: shorter messages, no direction to ask for, no latch', async ({ onTestFinished }) => {
    const features = { irq: true, latch: false, wakeup: false, directionGet: false, padding: false };
    const rig = await start(onTestFinished, { dialect: 'srtm', port, coprocessor: { features } });
    const watched = await rig.watch([0, 1]);
    for (const level of [1, 0] as const) {
      rig.drive(0, level);
      rig.drive(1, level);
      expect(await rig.judged(watched, [0, 1]), rig.describe()).toEqual([]);
    }
    expect(watched.events.filter(({ type }) => type === 'edge')).toHaveLength(4);
    const out = await rig.request([2], { ...OUTPUT, value: 1 });
    expect(await out.getValues()).toEqual([1]);
    expect(rig.coprocessor.pin(2)).toMatchObject({ direction: 'output', level: 1 });
    await out.reconfigure(INPUT);
    expect(rig.coprocessor.pin(2).direction).toBe('input');
    const asIs = await rig.request([3], { ...INPUT, direction: 'as-is' });
    expect(await asIs.getValues()).toEqual([0]);
  });
});
