import { describe, expect, it } from 'vitest';
import { MessagePeer } from '../../../test/support/message-peer.js';
import { memoryLinkPair } from '../../link/memory.js';
import type { RpmsgGpioForm } from '../../wire/rpmsg-gpio.js';
import { DIRECTION } from '../../wire/virtio-gpio.js';
import type { LineBackend } from '../line-backend.js';
import type { OneShotFeatures } from './one-shot-controller.js';
import { RpmsgGpioDevice } from './rpmsg-gpio-device.js';

const CLOCK = { monotonicNs: () => 0n };
const ALL: OneShotFeatures = { irq: true, latch: true, wakeup: true };

/** What firmware drives, and levels that a test sets. */
class Pins implements LineBackend {
  readonly levels = new Uint8Array(256);
  readonly driven: string[] = [];
  /** Where set, every operation takes until it is called. */
  slow: ((done: () => void) => void) | undefined;

  setDirection(line: number, direction: number, value: number): void | Promise<void> {
    if (direction === DIRECTION.OUT) this.driven.push(`${line}=${value}`);
    return this.later();
  }
  setValue(line: number, value: number): void | Promise<void> {
    this.driven.push(`${line}=${value}`);
    return this.later();
  }
  getValue(line: number): 0 | 1 {
    if (line === 13) throw new Error('this pin is broken');
    return this.levels[line] as 0 | 1;
  }
  reset(): void {}

  private later(): void | Promise<void> {
    return this.slow === undefined ? undefined : new Promise((resolve) => this.slow!(resolve));
  }
}

function start(form: RpmsgGpioForm = 'rpmsg-gpio', features = ALL) {
  const pins = new Pins();
  const device = new RpmsgGpioDevice({ form, lineCount: 16, backend: pins, features });
  const [ours, theirs] = memoryLinkPair({ clock: CLOCK });
  device.attach(theirs);
  const peer = new MessagePeer(ours);
  const edge = (line: number, level: 0 | 1) => {
    pins.levels[line] = level;
    device.controller.edge(line, level);
  };
  return { pins, device, peer, edge, ours, theirs };
}

/** cmd, line, value as the wire has them. */
const request = (cmd: number, line: number, value = 0) => {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(cmd, 0);
  bytes.writeUInt16LE(line, 2);
  bytes.writeUInt32LE(value, 4);
  return bytes.toString('hex');
};
const [GET_DIRECTION, SET_DIRECTION, GET_VALUE, SET_VALUE, SET_IRQ_TYPE, SET_WAKEUP] = [2, 3, 4, 5, 6, 0x10];
const [NONE, RISING, FALLING, BOTH, HIGH, LOW] = [0, 1, 2, 3, 4, 8];
const OK = '000000';
const ONE = '000001';
const ERR = '000100';

describe('the device side of rpmsg-gpio', () => {
  it('answers what Linux asks when a line becomes an interrupt, is handled, and is shut down', async () => {
    const { peer, edge } = start();
    expect(
      await peer.ask(request(GET_DIRECTION, 3), request(SET_DIRECTION, 3, 2), request(SET_IRQ_TYPE, 3, BOTH)),
    ).toEqual([OK, OK, OK]);
    edge(3, 1);
    expect(await peer.take()).toEqual(['010300']);
    // Its threaded handler reads, and unmasks the line again.
    expect(await peer.ask(request(GET_VALUE, 3), request(SET_IRQ_TYPE, 3, BOTH))).toEqual([ONE, OK]);
    edge(3, 0);
    expect(await peer.take()).toEqual(['010300']);
    expect(await peer.ask(request(SET_IRQ_TYPE, 3, NONE))).toEqual([OK]);
    edge(3, 1);
    expect(await peer.take()).toEqual([]);
  });

  it('drives what Linux sets: the direction first, then the value', async () => {
    const { peer, pins } = start();
    const answers = await peer.ask(request(SET_DIRECTION, 5, 1), request(SET_VALUE, 5, 1));
    expect([answers, pins.driven]).toEqual([
      [OK, OK],
      ['5=0', '5=1'],
    ]);
    expect(await peer.ask(request(GET_DIRECTION, 5), request(GET_VALUE, 5))).toEqual([ONE, ONE]);
  });

  it('keeps a value for the line until it becomes an output', async () => {
    const { peer, pins } = start();
    await peer.ask(request(SET_VALUE, 5, 1), request(SET_DIRECTION, 5, 1));
    expect(pins.driven).toEqual(['5=1']);
  });

  it('answers what makes no sense with an error, and what is no request with nothing', async () => {
    const { peer, device } = start();
    expect(
      await peer.ask(
        request(GET_VALUE, 16),
        request(1, 0),
        request(7, 0),
        request(SET_WAKEUP, 0, 1),
        request(SET_DIRECTION, 0, 3),
        request(SET_VALUE, 0, 2),
        request(SET_IRQ_TYPE, 0, 5),
        request(GET_VALUE, 13),
      ),
    ).toEqual(Array(8).fill(ERR));
    expect(await peer.ask('', '04000000000000', `${request(GET_VALUE, 1)}ffff`)).toEqual([OK]);
    expect(device.counters).toMatchObject({
      messages_received: 11,
      requests_refused: 8,
      dropped_empty: 1,
      dropped_cut: 1,
    });
  });

  it('refuses an output whose interrupt is on, and an interrupt of an output', async () => {
    const { peer } = start();
    await peer.ask(request(SET_IRQ_TYPE, 0, RISING), request(SET_DIRECTION, 1, 1));
    expect(await peer.ask(request(SET_DIRECTION, 0, 1), request(SET_IRQ_TYPE, 1, RISING))).toEqual([
      ERR,
      ERR,
    ]);
  });

  it('names lines beyond 255 by two bytes', async () => {
    const device = new RpmsgGpioDevice({
      form: 'rpmsg-gpio',
      lineCount: 300,
      backend: new Pins(),
      features: ALL,
    });
    const [ours, theirs] = memoryLinkPair({ clock: CLOCK });
    device.attach(theirs);
    const peer = new MessagePeer(ours);
    await peer.ask(request(SET_IRQ_TYPE, 291, BOTH));
    device.controller.edge(291, 1);
    expect(await peer.take()).toEqual(['012301']);
  });

  it('speaks as version 14 did: other first bytes, the trigger, and wake-up', async () => {
    const { peer, edge, device } = start('rpmsg-gpio-v14');
    expect(await peer.ask(request(GET_DIRECTION, 3), request(GET_DIRECTION, 16))).toEqual([
      '010000',
      '010100',
    ]);
    // v14 sends SET_WAKEUP at every step.
    const steps = [request(SET_WAKEUP, 3, 1), request(SET_IRQ_TYPE, 3, FALLING)];
    expect(await peer.ask(...steps)).toEqual(['010000', '010000']);
    expect(device.controller.wakesUp(3)).toBe(true);
    edge(3, 1);
    edge(3, 0);
    expect(await peer.take()).toEqual(['020302']);
    expect(await peer.ask(request(SET_WAKEUP, 3, 2), request(SET_WAKEUP, 3, 0))).toEqual([
      '010100',
      '010000',
    ]);
    expect(device.controller.wakesUp(3)).toBe(false);
  });

  it('answers one request after the other where the lines take their time', async () => {
    const { peer, pins } = start();
    const done: (() => void)[] = [];
    pins.slow = (resolve) => done.push(resolve);
    expect(
      await peer.ask(request(SET_DIRECTION, 1, 1), request(GET_DIRECTION, 1), request(SET_DIRECTION, 2, 3)),
    ).toEqual([]);
    done[0]!();
    expect(await peer.take()).toEqual([OK, ONE, ERR]);
  });

  it('does not answer on a new channel what was asked on the old one', async () => {
    const { peer, pins, ours } = start();
    const done: (() => void)[] = [];
    pins.slow = (resolve) => done.push(resolve);
    await peer.ask(request(SET_DIRECTION, 1, 1), request(GET_DIRECTION, 1));
    ours.breakChannel();
    expect(await peer.ask(request(GET_DIRECTION, 1))).toEqual([]);
    done[0]!();
    expect(await peer.take()).toEqual([ONE]);
  });

  it.each([0, 65_537])('refuses to have %i lines', (lineCount) => {
    const make = (form: RpmsgGpioForm) =>
      new RpmsgGpioDevice({ form, lineCount, backend: new Pins(), features: ALL });
    expect(() => make('rpmsg-gpio')).toThrow(/rpmsg-gpio addresses 1 to 65536/);
    expect(() => make('rpmsg-gpio-v14')).toThrow(/rpmsg-gpio-v14 addresses 1 to 256/);
  });
});

describe('interrupts that mask themselves', () => {
  const sent = '010000';

  it('are one for any number of edges, and one more for what a latch kept', async () => {
    const { peer, edge, device } = start();
    await peer.ask(request(SET_IRQ_TYPE, 0, BOTH));
    for (const level of [1, 0, 1] as const) edge(0, level);
    expect(await peer.take()).toEqual([sent]);
    expect(device.controller.keptOf(0)).toBe(1);
    expect(await peer.ask(request(SET_IRQ_TYPE, 0, BOTH))).toEqual([sent, OK]);
    expect(await peer.ask(request(SET_IRQ_TYPE, 0, BOTH))).toEqual([OK]);
    edge(0, 0);
    expect(await peer.take()).toEqual([sent]);
  });

  it('are forgotten while masked where there is no latch', async () => {
    const { peer, edge } = start('rpmsg-gpio', { ...ALL, latch: false });
    await peer.ask(request(SET_IRQ_TYPE, 0, BOTH));
    for (const level of [1, 0, 1] as const) edge(0, level);
    expect(await peer.take()).toEqual([sent]);
    expect(await peer.ask(request(SET_IRQ_TYPE, 0, BOTH))).toEqual([OK]);
  });

  it('are of the type that is enabled', async () => {
    const { peer, edge } = start();
    await peer.ask(request(SET_IRQ_TYPE, 1, RISING), request(SET_IRQ_TYPE, 2, FALLING));
    for (const line of [1, 2]) edge(line, 1);
    expect(await peer.take()).toEqual(['010100']);
    for (const line of [1, 2]) edge(line, 0);
    expect(await peer.take()).toEqual(['010200']);
  });

  it('change their type without NONE, and forget what the former kept', async () => {
    const { peer, edge } = start();
    await peer.ask(request(SET_IRQ_TYPE, 0, BOTH));
    edge(0, 1);
    edge(0, 0);
    expect(await peer.take()).toEqual([sent]);
    expect(await peer.ask(request(SET_IRQ_TYPE, 0, FALLING))).toEqual([OK]);
    edge(0, 1);
    edge(0, 0);
    expect(await peer.take()).toEqual([sent]);
  });

  it.each([
    ['high', HIGH, 1],
    ['low', LOW, 0],
  ] as const)('of a %s level come again for as long as it is there', async (_, type, level) => {
    const { peer, edge } = start();
    edge(0, 1);
    edge(0, level);
    expect(await peer.ask(request(SET_IRQ_TYPE, 0, type))).toEqual([sent, OK]);
    expect(await peer.ask(request(SET_IRQ_TYPE, 0, type))).toEqual([sent, OK]);
    edge(0, level === 1 ? 0 : 1);
    expect(await peer.ask(request(SET_IRQ_TYPE, 0, type))).toEqual([OK]);
    edge(0, level);
    expect(await peer.take()).toEqual([sent]);
  });

  it('mask the line, and are kept by the latch alone, where no channel takes them', async () => {
    const { peer, edge, device, theirs } = start();
    await peer.ask(request(SET_IRQ_TYPE, 0, BOTH));
    device.detach();
    edge(0, 1);
    edge(0, 0);
    device.attach(theirs);
    expect(await peer.take()).toEqual([]);
    expect(await peer.ask(request(SET_IRQ_TYPE, 0, BOTH))).toEqual([sent, OK]);
  });

  it('are refused by firmware that has none', async () => {
    const { peer } = start('rpmsg-gpio', { ...ALL, irq: false });
    expect(await peer.ask(request(SET_IRQ_TYPE, 0, BOTH), request(SET_IRQ_TYPE, 0, NONE))).toEqual([ERR, OK]);
  });
});
