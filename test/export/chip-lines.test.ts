import { describe, expect, it } from 'vitest';
import type { LineRequest } from '../../src/gpio/chip.js';
import { DIRECTION, IRQ_TYPE, MSG } from '../../src/wire/virtio-gpio.js';
import { ModelOverChip } from '../support/model-over-chip.js';
import { useChipGuest } from './chip-guest.js';

const { NONE, EDGE_RISING, EDGE_BOTH, LEVEL_HIGH } = IRQ_TYPE;
const OK = [0, 0];
const ERR = [1, 0];

const vm = useChipGuest();
const { guest, ask, direct, enable, drive, info, valid } = vm;

/** A program of the host takes a line of the chip. */
async function hostTakes(line: number, direction: 'input' | 'output' = 'output'): Promise<LineRequest> {
  const config = { direction, edges: 'none', activeLow: false, eventClock: 'monotonic' } as const;
  const taken = vm.model.chip!.requestLines({ consumer: 'host', offsets: [line], config });
  await vm.model.settle();
  return taken;
}

describe('lines of a chip for a guest', () => {
  it('are requested with their first direction, and released with NONE', async () => {
    await guest();
    await direct(1, DIRECTION.IN);
    expect(info(1)).toMatchObject({ used: true, consumer: 'vm:test', direction: 'input' });
    expect(vm.model.backend.requested).toEqual([1]);
    await direct(1, DIRECTION.OUT);
    expect(info(1)).toMatchObject({ used: true, direction: 'output' });
    await direct(1, DIRECTION.NONE);
    expect(info(1)).toMatchObject({ used: false });
    expect(vm.model.backend.requested).toEqual([]);
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
    vm.model.chip!.lineInfo$.subscribe((change) => changes.push(change));
    await drive(3, 1);
    for (let line = 0; line < vm.model.chip!.lineCount; line++) {
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
    await vm.model.settle();
    await released;
    expect(await direct(1, DIRECTION.IN)).toEqual(OK);
  });

  it('keep a value set before the direction, and never show another', async () => {
    await guest();
    const shown: string[] = [];
    vm.model.rig.coprocessor.outputs$.subscribe(({ line, level }) => shown.push(`${line} ${level}`));
    await ask(MSG.SET_VALUE, 1, 1);
    await direct(1, DIRECTION.OUT);
    await ask(MSG.SET_VALUE, 1, 0);
    expect(shown).toEqual(['1 1', '1 0']);
  });

  it('are all given back by a reset, also one that is just being requested', async () => {
    await guest();
    await direct(0, DIRECTION.IN);
    await enable(0, EDGE_BOTH);
    vm.model.request(MSG.SET_DIRECTION, 1, DIRECTION.OUT);
    vm.model.device.reset();
    await vm.model.settle();
    expect([info(0).used, info(1).used]).toEqual([false, false]);
    expect(vm.model.returned.filter(({ queue }) => queue === 0)).toHaveLength(2);

    vm.model.start();
    vm.model.request(MSG.SET_DIRECTION, 1, DIRECTION.OUT);
    vm.model.device.reset();
    vm.model.start();
    expect(await direct(1, DIRECTION.IN)).toEqual(OK);
    expect(info(1)).toMatchObject({ used: true, direction: 'input' });
  });
});

describe('edges for a guest', () => {
  it('come without any request to the coprocessor', async () => {
    await guest();
    await enable(2, EDGE_BOTH);
    const id = vm.model.arm(2);
    const sent = vm.model.rig.first.counters.requests_sent;
    await drive(2, 1);
    expect(await valid()).toEqual([id]);
    expect(vm.model.rig.first.counters.requests_sent).toBe(sent);
  });

  it('are counted where they come faster than the guest arms', async () => {
    await guest();
    await enable(2, EDGE_BOTH);
    vm.model.arm(2);
    await drive(2, 1, 0, 1, 0, 1);
    vm.model.arm(2);
    expect(await valid()).toHaveLength(2);
    expect(vm.model.device.statsOf(2)).toEqual({ sensed: 5, delivered: 2, overflowed: 3, discarded: 0 });
  });

  it('are latched as one where only their number is known', async () => {
    await guest({ coprocessor: { eventDepth: 2 } });
    await enable(2, EDGE_BOTH);
    vm.model.arm(2);
    await vm.model.settle();
    vm.model.rig.link.losesSent = () => true;
    for (const level of [1, 0, 1, 0, 1, 0, 1] as const) vm.model.rig.coprocessor.drive(2, level);
    vm.model.rig.link.losesSent = () => false;
    vm.model.rig.breakChannel();
    await vm.model.rig.advance(3_000, 100);
    vm.model.arm(2);
    expect(vm.model.device.statsOf(2).sensed).toBe(7);
    expect(vm.model.counters.edges_lost).toBeGreaterThan(0);
    expect(await valid()).toHaveLength(2);
  });
});

describe('level interrupts for a guest', () => {
  it('fire for a level that was there before they were enabled', async () => {
    await guest();
    await drive(2, 1);
    await enable(2, LEVEL_HIGH);
    const id = vm.model.arm(2);
    expect(await valid()).toEqual([id]);
  });

  it('are confirmed by a reading before they fire again, and stop with the level', async () => {
    await guest();
    await enable(2, LEVEL_HIGH);
    const first = vm.model.arm(2);
    const sent = () => vm.model.rig.first.counters.requests_sent!;
    expect(await valid()).toEqual([]);
    const before = sent();
    await drive(2, 1);
    expect(await valid()).toEqual([first]);
    expect(sent()).toBe(before);
    const second = vm.model.arm(2);
    expect(await valid()).toEqual([first, second]);
    expect(sent()).toBe(before + 1);
    await drive(2, 0);
    vm.model.arm(2);
    expect(await valid()).toHaveLength(2);
    await drive(2, 1);
    expect(await valid()).toHaveLength(3);
  });

  it('are not missed when the level could not be read at first', async () => {
    await guest();
    await enable(2, LEVEL_HIGH);
    await drive(2, 1, 0);
    await vm.model.rig.link.close();
    const id = vm.model.arm(2);
    await vm.model.rig.advance(500, 100);
    vm.model.rig.coprocessor.drive(2, 1);
    expect(await valid()).toEqual([]);
    vm.model.rig.connect();
    await vm.model.rig.advance(2_000, 100);
    expect(await valid()).toEqual([id]);
  });

  it('are not missed when the firmware restarts', async () => {
    await guest();
    await enable(2, LEVEL_HIGH);
    const id = vm.model.arm(2);
    expect(await valid()).toEqual([]);
    vm.model.rig.link.losesReceived = () => true;
    vm.model.rig.coprocessor.drive(2, 1);
    await vm.model.settle();
    vm.model.rig.link.losesReceived = () => false;
    vm.model.rig.coprocessor.reboot();
    await vm.model.rig.advance(10_000, 200);
    expect(await valid()).toEqual([id]);
  });
});

describe('while the coprocessor is away', () => {
  it('every request is answered ERR, and the lines are as before when it is back', async () => {
    await guest();
    await direct(1, DIRECTION.OUT);
    await ask(MSG.SET_VALUE, 1, 1);
    await enable(2, EDGE_BOTH);
    const armed = vm.model.arm(2);
    await vm.model.rig.link.close();
    await vm.model.settle();
    const asked = [
      vm.model.request(MSG.SET_VALUE, 1, 0),
      vm.model.request(MSG.SET_DIRECTION, 3, DIRECTION.IN),
      vm.model.request(MSG.GET_VALUE, 2),
      vm.model.request(MSG.GET_VALUE, 3),
    ];
    await vm.model.rig.advance(5_000, 500);
    const answers = vm.model.returned.filter(({ id }) => asked.includes(id)).map(({ bytes }) => bytes[0]);
    expect(answers).toEqual([1, 1, 1, 1]);
    vm.model.rig.coprocessor.reboot();
    vm.model.rig.connect();
    await vm.model.rig.advance(3_000, 100);
    expect(vm.model.rig.coprocessor.pin(1).direction).toBe('output');
    await drive(2, 1);
    expect(await valid()).toEqual([armed]);
  });

  it('a line is given back whether it can be told or not', async () => {
    await guest();
    await enable(2, EDGE_BOTH);
    await direct(1, DIRECTION.OUT);
    await vm.model.rig.link.close();
    await vm.model.settle();
    const asked = [
      vm.model.request(MSG.SET_IRQ_TYPE, 2, NONE),
      vm.model.request(MSG.SET_DIRECTION, 1, DIRECTION.NONE),
    ];
    await vm.model.rig.advance(3_000, 500);
    expect(vm.model.returned.filter(({ id }) => asked.includes(id)).map(({ bytes }) => bytes[0])).toEqual([
      0, 0,
    ]);
    expect(vm.model.backend.requested).toEqual([]);
    vm.model.rig.connect();
    await vm.model.rig.advance(3_000, 100);
    expect(info(2).used).toBe(false);
  });
});

describe('lines that go away', () => {
  it('answer ERR while there is no such chip, and are set again when there is', async () => {
    await guest();
    await direct(1, DIRECTION.OUT);
    const { chip } = vm.model;
    vm.model.chip = undefined;
    expect(await direct(2, DIRECTION.IN)).toEqual(ERR);
    expect(await ask(MSG.GET_VALUE, 2)).toEqual(ERR);
    expect(await ask(MSG.GET_DIRECTION, 2)).toEqual([0, DIRECTION.IN]);
    vm.model.chip = chip;
    expect(await direct(2, DIRECTION.IN)).toEqual(OK);
  });

  it('are wanted on when their request was ended', async () => {
    await guest({ driver: { onRestart: 'release' }, endsRequestsOnRestart: true });
    await ask(MSG.SET_VALUE, 1, 1);
    await direct(1, DIRECTION.OUT);
    await enable(2, LEVEL_HIGH);
    const id = vm.model.arm(2);
    vm.model.rig.coprocessor.reboot();
    vm.model.rig.coprocessor.drive(2, 1);
    await vm.model.rig.advance(6_000, 200);
    expect(vm.model.counters.lines_taken).toBe(2);
    expect(vm.model.rig.coprocessor.pin(1)).toMatchObject({ direction: 'output', level: 1 });
    expect(await valid()).toEqual([id]);
  });

  it('answer ERR when another line has their offset', async () => {
    await guest();
    const other = await ModelOverChip.open({ lines: 4, names: ['DOOR', 'SIREN', 'BUTTON'] });
    const own = vm.model.chip;
    vm.model.chip = other.chip;
    expect(await direct(1, DIRECTION.IN)).toEqual(ERR);
    vm.model.chip = own;
    expect(await direct(1, DIRECTION.IN)).toEqual(OK);
    await other.close();
  });
});
