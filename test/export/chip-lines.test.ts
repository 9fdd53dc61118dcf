import { afterEach, describe, expect, it } from 'vitest';
import type { LineRequest } from '../../src/gpio/chip.js';
import { DIRECTION, IRQ_TYPE, MSG } from '../../src/wire/virtio-gpio.js';
import { ModelOverChip, type ModelOverChipOptions } from '../support/model-over-chip.js';

const { NONE, EDGE_RISING, EDGE_BOTH, LEVEL_HIGH } = IRQ_TYPE;
const OK = [0, 0];
const ERR = [1, 0];
const NAMES = ['DOOR', 'LAMP', 'BUTTON', 'BELL'];

let model: ModelOverChip;
afterEach(() => model.close());

async function guest(options: Partial<ModelOverChipOptions> = {}): Promise<ModelOverChip> {
  model = await ModelOverChip.open({ lines: NAMES.length, names: NAMES, ...options });
  model.start();
  return model;
}

const ask = (type: number, line: number, value = 0) => model.ask(type, line, value);
const direct = (line: number, direction: number) => ask(MSG.SET_DIRECTION, line, direction);
const enable = (line: number, type: number) => ask(MSG.SET_IRQ_TYPE, line, type);
const drive = async (line: number, ...levels: (0 | 1)[]) => {
  for (const level of levels) {
    model.rig.coprocessor.drive(line, level);
    await model.settle();
  }
};
const info = (line: number) => model.chip!.lineInfo(line);
const valid = async () => (await model.events()).filter(([, ok]) => ok).map(([id]) => id);

/** A program of the host takes a line of the chip. */
async function hostTakes(line: number, direction: 'input' | 'output' = 'output'): Promise<LineRequest> {
  const config = { direction, edges: 'none', activeLow: false, eventClock: 'monotonic' } as const;
  const taken = model.chip!.requestLines({ consumer: 'host', offsets: [line], config });
  await model.settle();
  return taken;
}

describe('lines of a chip for a guest', () => {
  it('are requested with their first direction, and released with NONE', async () => {
    await guest();
    await direct(1, DIRECTION.IN);
    expect(info(1)).toMatchObject({ used: true, consumer: 'vm:test', direction: 'input' });
    expect(model.backend.requested).toEqual([1]);
    await direct(1, DIRECTION.OUT);
    expect(info(1)).toMatchObject({ used: true, direction: 'output' });
    await direct(1, DIRECTION.NONE);
    expect(info(1)).toMatchObject({ used: false });
    expect(model.backend.requested).toEqual([]);
  });

  it('are requested for an interrupt alone', async () => {
    await guest();
    expect(await enable(2, EDGE_RISING)).toEqual(OK);
    expect(info(2)).toMatchObject({ used: true, edges: 'rising' });
    await enable(2, NONE);
    expect(info(2).used).toBe(false);
  });

  it('are not requested to be looked at, and read as inputs', async () => {
    await guest();
    const changes: unknown[] = [];
    model.chip!.lineInfo$.subscribe((change) => changes.push(change));
    await drive(3, 1);
    for (let line = 0; line < NAMES.length; line++) {
      expect(await ask(MSG.GET_DIRECTION, line)).toEqual([0, DIRECTION.IN]);
    }
    expect(await ask(MSG.GET_VALUE, 2)).toEqual([0, 0]);
    expect(await ask(MSG.GET_VALUE, 3)).toEqual([0, 1]);
    expect(await ask(MSG.SET_VALUE, 1, 1)).toEqual(OK);
    expect(changes).toEqual([]);
  });

  it('answer ERR while another holds them, and show what they are made', async () => {
    await guest();
    const host = await hostTakes(1);
    expect(await direct(1, DIRECTION.IN)).toEqual(ERR);
    expect(await enable(1, EDGE_BOTH)).toEqual(ERR);
    expect(await ask(MSG.GET_DIRECTION, 1)).toEqual([0, DIRECTION.OUT]);
    const released = host.release();
    await model.settle();
    await released;
    expect(await direct(1, DIRECTION.IN)).toEqual(OK);
  });

  it('keep a value set before the direction, and never show another', async () => {
    await guest();
    const shown: string[] = [];
    model.rig.coprocessor.outputs$.subscribe(({ line, level }) => shown.push(`${line} ${level}`));
    await ask(MSG.SET_VALUE, 1, 1);
    await direct(1, DIRECTION.OUT);
    await ask(MSG.SET_VALUE, 1, 0);
    expect(shown).toEqual(['1 1', '1 0']);
  });

  it('are all given back by a reset, also one that is just being requested', async () => {
    await guest();
    await direct(0, DIRECTION.IN);
    await enable(0, EDGE_BOTH);
    model.request(MSG.SET_DIRECTION, 1, DIRECTION.OUT);
    model.device.reset();
    await model.settle();
    expect([info(0).used, info(1).used]).toEqual([false, false]);
    expect(model.returned.filter(({ queue }) => queue === 0)).toHaveLength(2);

    model.start();
    model.request(MSG.SET_DIRECTION, 1, DIRECTION.OUT);
    model.device.reset();
    model.start();
    expect(await direct(1, DIRECTION.IN)).toEqual(OK);
    expect(info(1)).toMatchObject({ used: true, direction: 'input' });
  });
});

describe('edges for a guest', () => {
  it('come without any request to the coprocessor', async () => {
    await guest();
    await enable(2, EDGE_BOTH);
    const id = model.arm(2);
    const sent = model.rig.first.counters.requests_sent;
    await drive(2, 1);
    expect(await valid()).toEqual([id]);
    expect(model.rig.first.counters.requests_sent).toBe(sent);
  });

  it('are counted where they come faster than the guest arms', async () => {
    await guest();
    await enable(2, EDGE_BOTH);
    model.arm(2);
    await drive(2, 1, 0, 1, 0, 1);
    model.arm(2);
    expect(await valid()).toHaveLength(2);
    expect(model.device.statsOf(2)).toEqual({ sensed: 5, delivered: 2, overflowed: 3, discarded: 0 });
  });

  it('are latched as one where only their number is known', async () => {
    await guest({ coprocessor: { eventDepth: 2 } });
    await enable(2, EDGE_BOTH);
    model.arm(2);
    await model.settle();
    model.rig.link.losesSent = () => true;
    for (const level of [1, 0, 1, 0, 1, 0, 1] as const) model.rig.coprocessor.drive(2, level);
    model.rig.link.losesSent = () => false;
    model.rig.breakChannel();
    await model.rig.advance(3_000, 100);
    model.arm(2);
    expect(model.device.statsOf(2).sensed).toBe(7);
    expect(model.counters.edges_lost).toBeGreaterThan(0);
    expect(await valid()).toHaveLength(2);
  });
});

describe('level interrupts for a guest', () => {
  it('fire for a level that was there before they were enabled', async () => {
    await guest();
    await drive(2, 1);
    await enable(2, LEVEL_HIGH);
    const id = model.arm(2);
    expect(await valid()).toEqual([id]);
  });

  it('are confirmed by a reading before they fire again, and stop with the level', async () => {
    await guest();
    await enable(2, LEVEL_HIGH);
    const first = model.arm(2);
    const sent = () => model.rig.first.counters.requests_sent!;
    expect(await valid()).toEqual([]);
    const before = sent();
    await drive(2, 1);
    expect(await valid()).toEqual([first]);
    expect(sent()).toBe(before);
    const second = model.arm(2);
    expect(await valid()).toEqual([first, second]);
    expect(sent()).toBe(before + 1);
    await drive(2, 0);
    model.arm(2);
    expect(await valid()).toHaveLength(2);
    await drive(2, 1);
    expect(await valid()).toHaveLength(3);
  });

  it('are not missed when the level could not be read at first', async () => {
    await guest();
    await enable(2, LEVEL_HIGH);
    await drive(2, 1, 0);
    await model.rig.link.close();
    const id = model.arm(2);
    await model.rig.advance(500, 100);
    model.rig.coprocessor.drive(2, 1);
    expect(await valid()).toEqual([]);
    model.rig.connect();
    await model.rig.advance(2_000, 100);
    expect(await valid()).toEqual([id]);
  });

  it('are not missed when the firmware restarts', async () => {
    await guest();
    await enable(2, LEVEL_HIGH);
    const id = model.arm(2);
    expect(await valid()).toEqual([]);
    model.rig.link.losesReceived = () => true;
    model.rig.coprocessor.drive(2, 1);
    await model.settle();
    model.rig.link.losesReceived = () => false;
    model.rig.coprocessor.reboot();
    await model.rig.advance(10_000, 200);
    expect(await valid()).toEqual([id]);
  });
});

describe('while the coprocessor is away', () => {
  it('every request is answered ERR, and the lines are as before when it is back', async () => {
    await guest();
    await direct(1, DIRECTION.OUT);
    await ask(MSG.SET_VALUE, 1, 1);
    await enable(2, EDGE_BOTH);
    const armed = model.arm(2);
    await model.rig.link.close();
    await model.settle();
    const asked = [
      model.request(MSG.SET_VALUE, 1, 0),
      model.request(MSG.SET_DIRECTION, 3, DIRECTION.IN),
      model.request(MSG.GET_VALUE, 2),
      model.request(MSG.GET_VALUE, 3),
    ];
    await model.rig.advance(5_000, 500);
    const answers = model.returned.filter(({ id }) => asked.includes(id)).map(({ bytes }) => bytes[0]);
    expect(answers).toEqual([1, 1, 1, 1]);
    model.rig.coprocessor.reboot();
    model.rig.connect();
    await model.rig.advance(3_000, 100);
    expect(model.rig.coprocessor.pin(1).direction).toBe('output');
    await drive(2, 1);
    expect(await valid()).toEqual([armed]);
  });

  it('a line is given back whether it can be told or not', async () => {
    await guest();
    await enable(2, EDGE_BOTH);
    await direct(1, DIRECTION.OUT);
    await model.rig.link.close();
    await model.settle();
    const asked = [
      model.request(MSG.SET_IRQ_TYPE, 2, NONE),
      model.request(MSG.SET_DIRECTION, 1, DIRECTION.NONE),
    ];
    await model.rig.advance(3_000, 500);
    expect(model.returned.filter(({ id }) => asked.includes(id)).map(({ bytes }) => bytes[0])).toEqual([
      0, 0,
    ]);
    expect(model.backend.requested).toEqual([]);
    model.rig.connect();
    await model.rig.advance(3_000, 100);
    expect(info(2).used).toBe(false);
  });
});

describe('lines that go away', () => {
  it('answer ERR while there is no such chip, and are set again when there is', async () => {
    await guest();
    await direct(1, DIRECTION.OUT);
    const { chip } = model;
    model.chip = undefined;
    expect(await direct(2, DIRECTION.IN)).toEqual(ERR);
    expect(await ask(MSG.GET_VALUE, 2)).toEqual(ERR);
    expect(await ask(MSG.GET_DIRECTION, 2)).toEqual([0, DIRECTION.IN]);
    model.chip = chip;
    expect(await direct(2, DIRECTION.IN)).toEqual(OK);
  });

  it('are wanted on when their request was ended', async () => {
    model = await ModelOverChip.open({
      lines: NAMES.length,
      names: NAMES,
      driver: { onRestart: 'release' },
      endsRequestsOnRestart: true,
    });
    model.start();
    await ask(MSG.SET_VALUE, 1, 1);
    await direct(1, DIRECTION.OUT);
    await enable(2, LEVEL_HIGH);
    const id = model.arm(2);
    model.rig.coprocessor.reboot();
    model.rig.coprocessor.drive(2, 1);
    await model.rig.advance(6_000, 200);
    expect(model.counters.lines_taken).toBe(2);
    expect(model.rig.coprocessor.pin(1)).toMatchObject({ direction: 'output', level: 1 });
    expect(await valid()).toEqual([id]);
  });

  it('answer ERR when another line has their offset', async () => {
    await guest();
    const other = await ModelOverChip.open({ lines: 4, names: ['DOOR', 'SIREN', 'BUTTON'] });
    const own = model.chip;
    model.chip = other.chip;
    expect(await direct(1, DIRECTION.IN)).toEqual(ERR);
    model.chip = own;
    expect(await direct(1, DIRECTION.IN)).toEqual(OK);
    await other.close();
  });
});
