import { afterEach, describe, expect, it } from 'vitest';
import { Random } from '../../firmware-sim/random.js';
import type { MessageDialect } from '../../src/driver/dialect.js';
import type { Level } from '../../src/driver/remote-gpio.js';
import { DialectRig, type DialectRigOptions, pause, type RigPort } from '../support/dialect-rig.js';

const DIALECTS: readonly MessageDialect[] = ['rpmsg-gpio', 'rpmsg-gpio-v14', 'srtm'];
const LINES = [0, 1, 2, 3, 4, 5, 6, 7];
const FLOOD_LIMIT_MS = 60_000;

const rigs: DialectRig[] = [];
afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.stop();
});

async function start(options: DialectRigOptions): Promise<DialectRig> {
  const rig = await DialectRig.start(options);
  rigs.push(rig);
  return rig;
}

/** Edges in bursts and at random, faster than any of these dialects carries them, until it is enough. */
async function flood(rig: DialectRig, seed: number, isEnough: () => boolean): Promise<void> {
  const random = new Random(seed);
  for (const end = Date.now() + FLOOD_LIMIT_MS; !isEnough() && Date.now() < end; ) {
    for (let left = random.below(12); left > 0; left--) {
      const line = LINES[random.below(LINES.length)]!;
      rig.drive(line, (1 - rig.truth.levelOf(line)) as Level);
    }
    if (random.below(4) === 0) await pause(random.below(4));
    else await new Promise((resolve) => setImmediate(resolve));
  }
}

describe.each(
  DIALECTS.flatMap((dialect) =>
    (['seqpacket', 'pty'] as const).flatMap((port): [MessageDialect, RigPort, boolean][] => [
      [dialect, port, true],
      [dialect, port, false],
    ]),
  ),
)('%s over %s (latch: %s), with more edges than it can carry', (dialect, port, latch) => {
  it('invents none, and reports every level that its edges make wrong', async () => {
    const rig = await start({ dialect, port, coprocessor: { features: { irq: true, latch } } });
    const watched = await rig.watch(LINES);
    const { events } = watched;
    const isEnough = () =>
      events.length > 200 &&
      rig.coprocessor.stats().total.overflowed > 100 &&
      events.some(({ type }) => type === 'gap');
    await flood(rig, 7, isEnough);
    expect(await rig.judged(watched, LINES), rig.describe()).toEqual([]);
    const { lines, total } = rig.coprocessor.stats();
    for (const line of LINES) {
      const edges = watched.events.filter((event) => event.type === 'edge' && event.offset === line);
      expect(edges.length).toBeLessThanOrEqual(lines[line]!.delivered);
      expect(lines[line]!.sensed).toBe(rig.truth.countOf(line));
    }
    // It was too much, and something came all the same.
    expect(total.overflowed).toBeGreaterThan(100);
    expect(events.length).toBeGreaterThan(200);
    expect(events.some(({ type }) => type === 'gap')).toBe(true);
  });
});

describe.each(DIALECTS)('%s whose answers are slow, and edges many', (dialect) => {
  it('invents none, and reports every level that its edges make wrong', async () => {
    const rig = await start({ dialect, port: 'seqpacket' });
    const watched = await rig.watch(LINES);
    rig.fault('late:5ms');
    await flood(rig, 8, () => watched.events.length > 60);
    expect(watched.events.length).toBeGreaterThan(60);
    rig.coprocessor.clearFaults();
    expect(await rig.judged(watched, LINES), rig.describe()).toEqual([]);
  });
});

describe.each(DIALECTS)('%s on a PLAIN line that loses messages', (dialect) => {
  it('has every line armed and known again, whatever was lost', async () => {
    const rig = await start({ dialect, port: 'pty, PLAIN', limits: { request: 300 } });
    const watched = await rig.answered(() => rig.watch(LINES));
    rig.fault('lose:0.03');
    // Each lost message holds everything up for the limit.
    await flood(rig, 9, () => rig.coprocessor.stats().wire.messages_lost! > 5);
    expect(rig.coprocessor.stats().wire.messages_lost).toBeGreaterThan(5);
    rig.coprocessor.clearFaults();
    await rig.up();
    expect(await rig.judged(watched, LINES), rig.describe()).toEqual([]);
    const before = watched.events.length;
    for (const line of LINES) rig.drive(line, (1 - rig.truth.levelOf(line)) as Level);
    await rig.until(() => watched.events.length >= before + LINES.length, 'an event of every line');
    expect(await rig.judged(watched, LINES), rig.describe()).toEqual([]);
  });
});
