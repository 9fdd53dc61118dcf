import { describe, expect, it } from 'vitest';
import { MessagePeer } from '../../../test/support/message-peer.js';
import { memoryLinkPair } from '../../link/memory.js';
import type { LineBackend } from '../line-backend.js';
import { SrtmDevice, type SrtmFeatures } from './srtm-device.js';

const ALL: SrtmFeatures = { irq: true, latch: true, wakeup: true, directionGet: true, padding: true };

class Pins implements LineBackend {
  level: 0 | 1 = 0;
  readonly told: string[] = [];
  setDirection(line: number, direction: number, value: number): void {
    this.told.push(`${line} ${['none', `out ${value}`, 'in'][direction]}`);
  }
  setValue(line: number, value: number): void {
    this.told.push(`${line} ${value}`);
  }
  getValue(): 0 | 1 {
    return this.level;
  }
  reset(): void {}
}

function start(features = ALL) {
  const pins = [new Pins(), new Pins()] as const;
  const device = new SrtmDevice({
    ports: new Map([
      [0, { backend: pins[0] }],
      [2, { backend: pins[1] }],
    ]),
    lineCount: 32,
    features,
  });
  const [ours, theirs] = memoryLinkPair({ clock: { monotonicNs: () => 0n } });
  device.attach(theirs);
  return { pins, device, peer: new MessagePeer(ours), ours };
}

const [INPUT_INIT, OUTPUT_INIT, INPUT_GET, DIRECTION_GET] = [0, 1, 2, 3];
const byte = (value: number) => value.toString(16).padStart(2, '0');
/** 16 bytes; `first` and `second` follow line and port. */
const message = (type: number, cmd: number, line: number, port: number, first = 0, second = 0) =>
  `050100${byte(type)}${byte(cmd)}0000000000${[line, port, first, second].map(byte).join('')}0000`;
const setup = (cmd: number, line: number, port: number, first = 0, second = 0) =>
  message(0, cmd, line, port, first, second);
const reply = (cmd: number, line: number, port: number, retcode = 0, value = 0) =>
  message(1, cmd, line, port, retcode, value);
const [SUCCESS, FAIL, UNSUPPORTED] = [0, 1, 2];

describe('the device side of srtm', () => {
  it('makes inputs and outputs, of which one message sets direction and level', async () => {
    const { peer, pins } = start();
    expect(
      await peer.ask(setup(OUTPUT_INIT, 7, 2, 1), setup(OUTPUT_INIT, 7, 2, 0), setup(INPUT_INIT, 8, 2)),
    ).toEqual([reply(OUTPUT_INIT, 7, 2), reply(OUTPUT_INIT, 7, 2), reply(INPUT_INIT, 8, 2)]);
    expect(pins[1].told).toEqual(['7 out 1', '7 0', '8 in']);
    expect(pins[0].told).toEqual([]);
  });

  it('reads levels and directions, as Linux counts them', async () => {
    const { peer, pins } = start();
    pins[0].level = 1;
    await peer.ask(setup(OUTPUT_INIT, 1, 0, 1));
    expect(
      await peer.ask(
        setup(INPUT_GET, 0, 0),
        setup(INPUT_GET, 1, 0),
        setup(DIRECTION_GET, 0, 0),
        setup(DIRECTION_GET, 1, 0),
      ),
    ).toEqual([
      reply(INPUT_GET, 0, 0, SUCCESS, 1),
      reply(INPUT_GET, 1, 0, SUCCESS, 1),
      reply(DIRECTION_GET, 0, 0, SUCCESS, 1),
      reply(DIRECTION_GET, 1, 0, SUCCESS, 0),
    ]);
  });

  it('takes messages of 14 bytes as of 16', async () => {
    const { peer } = start();
    expect(await peer.ask(setup(OUTPUT_INIT, 7, 2, 1).slice(0, 28))).toEqual([reply(OUTPUT_INIT, 7, 2)]);
  });

  it('sends what has a meaning, and no more, where it does not pad', async () => {
    const { peer, device } = start({ ...ALL, padding: false });
    const answers = await peer.ask(setup(INPUT_INIT, 5, 2, 3), setup(INPUT_GET, 5, 1));
    expect(answers).toEqual([
      reply(INPUT_INIT, 5, 2).slice(0, 28),
      reply(INPUT_GET, 5, 1, FAIL).slice(0, 28),
    ]);
    device.controllers.get(2)!.edge(5, 1);
    expect(await peer.take()).toEqual([message(2, 0, 5, 2).slice(0, 24)]);
  });

  it('says with a return code what it cannot do', async () => {
    const { peer, device } = start({ ...ALL, directionGet: false });
    expect(
      await peer.ask(
        setup(INPUT_GET, 32, 0),
        setup(INPUT_GET, 0, 1),
        setup(DIRECTION_GET, 0, 0),
        setup(9, 0, 0),
        setup(INPUT_INIT, 0, 0, 6),
        setup(OUTPUT_INIT, 0, 0, 2),
      ),
    ).toEqual([
      reply(INPUT_GET, 32, 0, FAIL),
      reply(INPUT_GET, 0, 1, FAIL),
      reply(DIRECTION_GET, 0, 0, UNSUPPORTED),
      reply(9, 0, 0, UNSUPPORTED),
      reply(INPUT_INIT, 0, 0, FAIL),
      reply(OUTPUT_INIT, 0, 0, FAIL),
    ]);
    expect(device.counters.requests_refused).toBe(6);
  });

  it('says nothing to what is no setup', async () => {
    const { peer, device } = start();
    const other = `04${setup(INPUT_GET, 0, 0).slice(2)}`;
    const newer = `0502${setup(INPUT_GET, 0, 0).slice(4)}`;
    const strange = message(3, INPUT_GET, 0, 0);
    expect(await peer.ask(other, newer, strange, reply(INPUT_GET, 0, 0), '0501', '')).toEqual([]);
    expect(device.counters).toMatchObject({
      messages_received: 6,
      dropped_other_category: 1,
      dropped_unknown_version: 1,
      dropped_unknown_kind: 1,
      dropped_wrong_direction: 1,
      dropped_cut: 1,
      dropped_empty: 1,
    });
  });
});

describe('notifications of srtm', () => {
  const notification = (line: number, port: number) => message(2, 0, line, port);

  it.each([
    ['rising', 1, [1, 0, 1]],
    ['falling', 2, [0, 1, 0]],
    ['both', 3, [1, 0]],
  ] as const)('of %s edges mask the line until its input init comes again', async (_, event, levels) => {
    const { peer, device } = start();
    const lines = device.controllers.get(2)!;
    lines.setLevel(5, 1 - levels[0]!);
    expect(await peer.ask(setup(INPUT_INIT, 5, 2, event))).toEqual([reply(INPUT_INIT, 5, 2)]);
    for (const level of levels) lines.edge(5, level);
    expect(await peer.take()).toEqual([notification(5, 2)]);
    // One more was sensed meanwhile, and the latch has it.
    expect(await peer.ask(setup(INPUT_INIT, 5, 2, event))).toEqual([
      notification(5, 2),
      reply(INPUT_INIT, 5, 2),
    ]);
    expect(await peer.ask(setup(INPUT_INIT, 5, 2, 0))).toEqual([reply(INPUT_INIT, 5, 2)]);
    for (const level of levels) lines.edge(5, level);
    expect(await peer.take()).toEqual([]);
  });

  it('of levels have the numbers of low and high the other way round than virtio-gpio', async () => {
    const { peer, device } = start();
    device.controllers.get(0)!.setLevel(1, 1);
    expect(await peer.ask(setup(INPUT_INIT, 1, 0, 4), setup(INPUT_INIT, 2, 0, 5))).toEqual([
      reply(INPUT_INIT, 1, 0),
      reply(INPUT_INIT, 2, 0),
    ]);
    device.controllers.get(0)!.edge(1, 0);
    device.controllers.get(0)!.edge(2, 1);
    expect(await peer.take()).toEqual([notification(1, 0), notification(2, 0)]);
  });

  it('end when the line becomes an output', async () => {
    const { peer, device } = start();
    await peer.ask(setup(INPUT_INIT, 1, 0, 3), setup(OUTPUT_INIT, 1, 0, 1));
    device.controllers.get(0)!.edge(1, 1);
    expect(await peer.take()).toEqual([]);
    expect(device.controllers.get(0)!.interruptTypeOf(1)).toBe(0);
  });

  it('may wake the system up', async () => {
    const { peer, device } = start();
    await peer.ask(setup(INPUT_INIT, 1, 0, 3, 1));
    expect(device.controllers.get(0)!.wakesUp(1)).toBe(true);
    await peer.ask(setup(INPUT_INIT, 1, 0, 3, 0));
    expect(device.controllers.get(0)!.wakesUp(1)).toBe(false);
  });

  it('are refused by firmware that has none', async () => {
    const { peer } = start({ ...ALL, irq: false, wakeup: false });
    expect(
      await peer.ask(setup(INPUT_INIT, 1, 0, 3), setup(INPUT_INIT, 1, 0, 0, 1), setup(INPUT_INIT, 1, 0)),
    ).toEqual([reply(INPUT_INIT, 1, 0, FAIL), reply(INPUT_INIT, 1, 0, FAIL), reply(INPUT_INIT, 1, 0)]);
  });
});

describe('what the vendor kernel does with srtm', () => {
  it('is answered: a line becomes an interrupt, is handled, wakes up, and is shut down', async () => {
    const { peer, device } = start();
    const edge = (level: 0 | 1) => device.controllers.get(0)!.edge(3, level);
    // get_direction, direction_input, then irq_set_type with the bus lock's release.
    const setUp = [setup(DIRECTION_GET, 3, 0), setup(INPUT_INIT, 3, 0), setup(INPUT_INIT, 3, 0, 3)];
    expect(await peer.ask(...setUp)).toEqual([
      reply(DIRECTION_GET, 3, 0, SUCCESS, 1),
      reply(INPUT_INIT, 3, 0),
      reply(INPUT_INIT, 3, 0),
    ]);
    edge(1);
    expect(await peer.take()).toEqual([message(2, 0, 3, 0)]);
    // The handler is done: it unmasks, and does not wait for the reply.
    expect(await peer.ask(setup(INPUT_INIT, 3, 0, 3))).toEqual([reply(INPUT_INIT, 3, 0)]);
    edge(0);
    expect(await peer.take()).toEqual([message(2, 0, 3, 0)]);
    // irq_set_wake is the same message with wakeup 1, and unmasks as well.
    expect(await peer.ask(setup(INPUT_INIT, 3, 0, 3, 1))).toEqual([reply(INPUT_INIT, 3, 0)]);
    expect(device.controllers.get(0)!.wakesUp(3)).toBe(true);
    edge(1);
    expect(await peer.take()).toEqual([message(2, 0, 3, 0)]);
    expect(await peer.ask(setup(INPUT_INIT, 3, 0, 0, 0))).toEqual([reply(INPUT_INIT, 3, 0)]);
    edge(0);
    expect(await peer.take()).toEqual([]);
    expect(device.controllers.get(0)!.wakesUp(3)).toBe(false);
  });

  it('is answered: an output is initialised anew with every level', async () => {
    const { peer, pins } = start();
    for (const level of [1, 0, 1]) {
      expect(await peer.ask(setup(OUTPUT_INIT, 4, 0, level))).toEqual([reply(OUTPUT_INIT, 4, 0)]);
    }
    expect(pins[0].told).toEqual(['4 out 1', '4 0', '4 1']);
  });
});
