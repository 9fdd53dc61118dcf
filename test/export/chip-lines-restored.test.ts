import { describe, expect, it } from 'vitest';
import { u16 } from '../../src/wire/bytes.js';
import { DIRECTION, EVENTQ, IRQ_TYPE, MSG, REQUESTQ } from '../../src/wire/virtio-gpio.js';
import { forEachAvail } from '../../src/wire/virtio-msg/queue.js';
import type { TappedLink } from '../driver/tapped-link.js';
import { useChipGuest } from './chip-guest.js';

const { NONE, EDGE_BOTH } = IRQ_TYPE;
const OK = [0, 0];

const vm = useChipGuest();
const { guest, direct, enable, drive, info, valid } = vm;

describe('a guest that lives on while its lines are served anew', () => {
  it('finds them as it left them', async () => {
    await guest();
    await drive(2, 1);
    vm.model.backend.restore(1, { direction: DIRECTION.OUT, value: 1, irqType: NONE }, () => undefined);
    vm.model.backend.restore(3, { direction: DIRECTION.IN, value: 0, irqType: EDGE_BOTH }, () => undefined);
    await vm.model.settle();
    expect(vm.model.rig.coprocessor.pin(1)).toMatchObject({ direction: 'output', level: 1 });
    expect(info(3)).toMatchObject({ used: true, edges: 'both' });
  });

  it('finds them so though what was to be done before comes only now', async () => {
    let arrive = () => {};
    const arrived = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    await guest({ arrived });
    // Asked for before the coprocessor answered; then the connection breaks, and is there again.
    vm.model.request(MSG.SET_DIRECTION, 1, DIRECTION.OUT);
    vm.model.request(MSG.SET_IRQ_TYPE, 2, EDGE_BOTH);
    vm.model.loseGuest();
    const id = vm.model.arm(2);
    arrive();
    await vm.model.settle();
    expect(vm.model.device.stateOf(2).irqType).toBe(EDGE_BOTH);
    expect(vm.model.backend.requested).toEqual([2]);
    expect(await direct(1, DIRECTION.IN)).toEqual(OK);
    await drive(2, 1);
    expect(await valid()).toEqual([id]);
  });

  it('is told once of a line that is not where it knows it, and of no other', async () => {
    await guest();
    for (const line of [0, 2, 3]) await enable(line, EDGE_BOTH);
    await drive(2, 1);
    await drive(3, 1);
    // Of line 0 nothing was told, of line 2 the edge, of line 3 less than happened.
    vm.model.loseGuest(undefined, (line) => ([undefined, undefined, 1, 0] as const)[line]);
    const ids = [0, 2, 3].map((line) => vm.model.arm(line));
    expect(await valid()).toEqual([ids[2]]);
    vm.model.arm(3);
    expect(await valid()).toHaveLength(1);
    await drive(2, 0);
    expect(await valid()).toEqual([ids[2], ids[1]]);
  });

  it('is told once of an edge that the reading of its level overtakes', async () => {
    await guest();
    await enable(2, EDGE_BOTH);
    const { link, coprocessor } = vm.model.rig;
    const late: Uint8Array[] = [];
    const holdsBack: TappedLink['losesReceived'] = (message, packet) => {
      const isEdge = message.type === 'vq-used' && message.vq === EVENTQ;
      if (isEdge) late.push(packet.slice());
      return isEdge;
    };
    link.losesSent = (message) => {
      if (message.type !== 'vq-avail' || message.vq !== REQUESTQ) return false;
      // As the level is about to be read.
      forEachAvail(message, (_id, _length, at) => {
        if (u16(message.packet, at) !== MSG.GET_VALUE) return;
        link.losesReceived = holdsBack;
        coprocessor.drive(2, 1);
      });
      return false;
    };
    vm.model.loseGuest(undefined, () => 0);
    vm.model.arm(2);
    expect(await valid()).toHaveLength(1);
    vm.model.arm(2);
    expect(late).toHaveLength(1);
    link.losesReceived = () => false;
    link.inject(...late);
    expect(await valid()).toHaveLength(1);
    await drive(2, 0);
    expect(await valid()).toHaveLength(2);
    expect(vm.model.device.statsOf(2)).toMatchObject({ sensed: 2, delivered: 2, overflowed: 0 });
  });
});

describe('both edges of a line', () => {
  /** A guest whose lines 2 and 3 were both taken from it, changed or not. */
  async function taken(): Promise<[number, number]> {
    await guest({ driver: { onRestart: 'release' }, endsRequestsOnRestart: true });
    for (const line of [2, 3]) {
      await enable(line, EDGE_BOTH);
      vm.model.arm(line);
    }
    await drive(2, 1);
    await drive(3, 1);
    expect(await valid()).toHaveLength(2);
    const armed: [number, number] = [vm.model.arm(2), vm.model.arm(3)];
    vm.model.rig.coprocessor.reboot();
    return armed;
  }

  it('are told by one interrupt where they came while the line was away', async () => {
    const [changed] = await taken();
    vm.model.rig.coprocessor.drive(2, 0);
    // Away for some tries.
    const { chip } = vm.model;
    vm.model.chip = undefined;
    await vm.model.rig.advance(2_000, 100);
    vm.model.chip = chip;
    await vm.model.rig.advance(6_000, 200);
    expect(vm.model.counters.lines_taken).toBe(2);
    expect(vm.model.backend.requested).toEqual([2, 3]);
    const before = 2;
    expect((await valid()).slice(before)).toEqual([changed]);
    vm.model.arm(2);
    expect(await valid()).toHaveLength(before + 1);
    await drive(3, 0);
    await drive(2, 1);
    expect(await valid()).toHaveLength(before + 3);
  });

  it('are not missed where nobody had told of the level before them', async () => {
    await guest();
    await drive(2, 1);
    await enable(2, EDGE_BOTH);
    const id = vm.model.arm(2);
    await vm.model.settle();
    vm.model.rig.link.losesReceived = () => true;
    vm.model.rig.coprocessor.drive(2, 0);
    await vm.model.settle();
    vm.model.rig.link.losesReceived = () => false;
    vm.model.rig.coprocessor.reboot();
    await vm.model.rig.advance(10_000, 200);
    expect(await valid()).toEqual([id]);
  });
});
