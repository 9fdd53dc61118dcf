import { afterEach, describe, expect, it } from 'vitest';
import { u16 } from '../../src/wire/bytes.js';
import { DIRECTION, EVENTQ, IRQ_TYPE, MSG, REQUESTQ } from '../../src/wire/virtio-gpio.js';
import { forEachAvail } from '../../src/wire/virtio-msg/queue.js';
import type { TappedLink } from '../driver/tapped-link.js';
import { ModelOverChip, type ModelOverChipOptions } from '../support/model-over-chip.js';

const { NONE, EDGE_BOTH } = IRQ_TYPE;
const OK = [0, 0];
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

describe('a guest that lives on while its lines are served anew', () => {
  it('finds them as it left them', async () => {
    await guest();
    await drive(2, 1);
    model.backend.restore(1, { direction: DIRECTION.OUT, value: 1, irqType: NONE }, () => undefined);
    model.backend.restore(3, { direction: DIRECTION.IN, value: 0, irqType: EDGE_BOTH }, () => undefined);
    await model.settle();
    expect(model.rig.coprocessor.pin(1)).toMatchObject({ direction: 'output', level: 1 });
    expect(info(3)).toMatchObject({ used: true, edges: 'both' });
  });

  it('finds them so though what was to be done before comes only now', async () => {
    let arrive = () => {};
    const arrived = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    await guest({ arrived });
    // Asked for before the coprocessor answered; then the connection breaks, and is there again.
    model.request(MSG.SET_DIRECTION, 1, DIRECTION.OUT);
    model.request(MSG.SET_IRQ_TYPE, 2, EDGE_BOTH);
    model.loseGuest();
    const id = model.arm(2);
    arrive();
    await model.settle();
    expect(model.device.stateOf(2).irqType).toBe(EDGE_BOTH);
    expect(model.backend.requested).toEqual([2]);
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
    model.loseGuest(undefined, (line) => ([undefined, undefined, 1, 0] as const)[line]);
    const ids = [0, 2, 3].map((line) => model.arm(line));
    expect(await valid()).toEqual([ids[2]]);
    model.arm(3);
    expect(await valid()).toHaveLength(1);
    await drive(2, 0);
    expect(await valid()).toEqual([ids[2], ids[1]]);
  });

  it('is told once of an edge that the reading of its level overtakes', async () => {
    await guest();
    await enable(2, EDGE_BOTH);
    const { link, coprocessor } = model.rig;
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
    model.loseGuest(undefined, () => 0);
    model.arm(2);
    expect(await valid()).toHaveLength(1);
    model.arm(2);
    expect(late).toHaveLength(1);
    link.losesReceived = () => false;
    link.inject(...late);
    expect(await valid()).toHaveLength(1);
    await drive(2, 0);
    expect(await valid()).toHaveLength(2);
    expect(model.device.statsOf(2)).toMatchObject({ sensed: 2, delivered: 2, overflowed: 0 });
  });
});

describe('both edges of a line', () => {
  /** A guest whose lines 2 and 3 were both taken from it, changed or not. */
  async function taken(): Promise<[number, number]> {
    model = await ModelOverChip.open({
      lines: NAMES.length,
      names: NAMES,
      driver: { onRestart: 'release' },
      endsRequestsOnRestart: true,
    });
    model.start();
    for (const line of [2, 3]) {
      await enable(line, EDGE_BOTH);
      model.arm(line);
    }
    await drive(2, 1);
    await drive(3, 1);
    expect(await valid()).toHaveLength(2);
    const armed: [number, number] = [model.arm(2), model.arm(3)];
    model.rig.coprocessor.reboot();
    return armed;
  }

  it('are told by one interrupt where they came while the line was away', async () => {
    const [changed] = await taken();
    model.rig.coprocessor.drive(2, 0);
    // Away for some tries.
    const { chip } = model;
    model.chip = undefined;
    await model.rig.advance(2_000, 100);
    model.chip = chip;
    await model.rig.advance(6_000, 200);
    expect(model.counters.lines_taken).toBe(2);
    expect(model.backend.requested).toEqual([2, 3]);
    const before = 2;
    expect((await valid()).slice(before)).toEqual([changed]);
    model.arm(2);
    expect(await valid()).toHaveLength(before + 1);
    await drive(3, 0);
    await drive(2, 1);
    expect(await valid()).toHaveLength(before + 3);
  });

  it('are not missed where nobody had told of the level before them', async () => {
    await guest();
    await drive(2, 1);
    await enable(2, EDGE_BOTH);
    const id = model.arm(2);
    await model.settle();
    model.rig.link.losesReceived = () => true;
    model.rig.coprocessor.drive(2, 0);
    await model.settle();
    model.rig.link.losesReceived = () => false;
    model.rig.coprocessor.reboot();
    await model.rig.advance(10_000, 200);
    expect(await valid()).toEqual([id]);
  });
});
