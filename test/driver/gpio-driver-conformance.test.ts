import { describe, expect, it } from 'vitest';
import { DIRECTION, decodeGpioRequest, decodeNames, IRQ_TYPE, MSG } from '../../src/wire/virtio-gpio.js';
import type { Message } from '../../src/wire/virtio-msg/message.js';
import { encodeVqUsed, forEachAvail, forEachUsed } from '../../src/wire/virtio-msg/queue.js';
import { type DriverRig, useRigs } from './driver-rig.js';

/** What a driver must do: the H list of the virtio-gpio conformance checklist. */

const rig = useRigs();
const SPECIFIED = { irq: true, stamp: false, queue: false };

interface Buffer {
  readonly queue: 'requestq' | 'eventq';
  readonly id: number;
  readonly inLen: number;
  /** Of requests; of event buffers only `gpio`. */
  readonly type: number;
  readonly gpio: number;
  readonly value: number;
}

/** Every buffer in what was sent, in order. */
function buffersIn(sent: readonly Message[]): Buffer[] {
  const buffers: Buffer[] = [];
  for (const message of sent) {
    if (message.type !== 'vq-avail') continue;
    forEachAvail(message, (id, inLen, at, length) => {
      const out = message.packet.subarray(at, at + length);
      if (message.vq === 0) buffers.push({ queue: 'requestq', id, inLen, ...decodeGpioRequest(out)! });
      else buffers.push({ queue: 'eventq', id, inLen, type: 0, gpio: out[0]! | (out[1]! << 8), value: 0 });
    });
  }
  return buffers;
}

const requests = (sent: readonly Message[]): Buffer[] =>
  buffersIn(sent).filter(({ queue }) => queue === 'requestq');
const irqTypes = (sent: readonly Message[]): [number, number][] =>
  requests(sent)
    .filter(({ type }) => type === MSG.SET_IRQ_TYPE)
    .map(({ gpio, value }) => [gpio, value]);

/** Event buffers outstanding by line, at most, over all that passed since `hub.up()`. */
function mostOutstanding(hub: DriverRig): Map<number, number> {
  const most = new Map<number, number>();
  const lineOf = new Map<number, number>();
  const now = new Map<number, number>();
  hub.link.losesSent = (message) => {
    for (const { queue, id, gpio } of buffersIn([message])) {
      if (queue !== 'eventq') continue;
      lineOf.set(id, gpio);
      now.set(gpio, (now.get(gpio) ?? 0) + 1);
      most.set(gpio, Math.max(most.get(gpio) ?? 0, now.get(gpio)!));
    }
    return false;
  };
  hub.link.losesReceived = (message, packet) => {
    if (message.type !== 'vq-used' || message.vq !== 1) return false;
    let at = 12;
    for (let i = 0; i < message.count; i++) {
      const line = lineOf.get(packet[at]! | (packet[at + 1]! << 8))!;
      now.set(line, now.get(line)! - 1);
      at += 4 + (packet[at + 2]! | (packet[at + 3]! << 8));
    }
    return false;
  };
  return most;
}

describe('the driver of a virtio-gpio device', () => {
  it('H1 gives one response buffer with every request, and has several in flight', async () => {
    const hub = rig({ coprocessor: { lines: 8, features: SPECIFIED } });
    const remote = await hub.up();
    hub.link.sent.length = 0;
    await Promise.all(Array.from({ length: 8 }, (_, line) => remote.getValue(line)));
    const asked = requests(hub.link.sent);
    expect(asked).toHaveLength(8);
    expect(asked.every(({ inLen }) => inLen === 2)).toBe(true);
    expect(new Set(asked.map(({ id }) => id)).size).toBe(8);
  });

  it('H2 sends no IRQ message unless F_IRQ was negotiated', async () => {
    const hub = rig({ coprocessor: { features: { irq: false, stamp: false, queue: false } } });
    const remote = await hub.up();
    await expect(remote.enableInterrupt(0, 'both')).rejects.toMatchObject({ name: 'NOT_SUPPORTED' });
    await remote.disableInterrupt(0);
    await remote.releaseLine(0);
    expect(irqTypes(hub.link.sent)).toEqual([]);
    expect(hub.link.sent.some((message) => message.type === 'vq-avail' && message.vq === 1)).toBe(false);
  });

  it('H2 sends none for an output line, whoever made it one', async () => {
    const hub = rig({ coprocessor: { lines: 4, features: SPECIFIED } });
    const remote = await hub.up();
    await remote.setDirection(0, 'output');
    await expect(remote.enableInterrupt(0, 'both')).rejects.toMatchObject({ name: 'INVALID_ARGUMENT' });
    let known = 0;
    hub.bus.bootId$.subscribe((bootId) => {
      known = bootId;
    });
    hub.restartDriver(known);
    const again = await hub.up();
    await expect(again.enableInterrupt(0, 'both')).rejects.toMatchObject({ name: 'INVALID_ARGUMENT' });
    await again.releaseLine(0);
    expect(irqTypes(hub.link.sent)).toEqual([]);
    await expect(
      (async () => {
        await again.enableInterrupt(1, 'both');
        await again.setDirection(1, 'output');
      })(),
    ).rejects.toMatchObject({ name: 'INVALID_ARGUMENT' });
  });

  it('H3 enables the interrupt before it queues a buffer, and never has two for a line', async () => {
    const hub = rig({ coprocessor: { lines: 4, features: SPECIFIED } });
    const remote = await hub.up();
    const most = mostOutstanding(hub);
    let enabledWhenQueued = false;
    const watched = hub.link.losesSent;
    hub.link.losesSent = (message) => {
      if (message.type === 'vq-avail' && message.vq === 1) {
        const answered = hub.link.received.some(
          (of) => of.type === 'vq-used' && of.vq === 0 && of.count === 1,
        );
        enabledWhenQueued ||= answered;
      }
      return watched(message);
    };
    await remote.setDirection(2, 'input');
    await remote.enableInterrupt(2, 'both');
    for (let i = 0; i < 40; i++) {
      hub.coprocessor.drive(2, i % 2 === 0 ? 1 : 0);
      if (i % 3 === 0) await hub.settle(1);
      if (i === 15) await remote.disableInterrupt(2);
      if (i === 16) await remote.enableInterrupt(2, 'rising');
    }
    await hub.settle();
    expect(enabledWhenQueued).toBe(true);
    expect([...most]).toEqual([[2, 1]]);
  });

  it('H3 with EVENT_QUEUE never has more than event_depth for a line', async () => {
    const hub = rig({ coprocessor: { lines: 4, eventDepth: 3, eventQueueSize: 64 } });
    const remote = await hub.up();
    const most = mostOutstanding(hub);
    await remote.enableInterrupt(1, 'both');
    for (let i = 0; i < 200; i++) {
      hub.coprocessor.drive(1, i % 2 === 0 ? 1 : 0);
      if (i % 9 === 0) await hub.settle(1);
    }
    await hub.settle(10);
    expect(most.get(1)).toBe(3);
  });

  it('H4 changes a trigger type by NONE first', async () => {
    const hub = rig({ coprocessor: { lines: 4, features: SPECIFIED } });
    const remote = await hub.up();
    await remote.enableInterrupt(3, 'rising');
    await remote.enableInterrupt(3, 'rising');
    await remote.enableInterrupt(3, 'falling');
    expect(irqTypes(hub.link.sent)).toEqual([
      [3, IRQ_TYPE.EDGE_RISING],
      [3, IRQ_TYPE.NONE],
      [3, IRQ_TYPE.EDGE_FALLING],
    ]);
  });

  it('H4 has at most one SET_IRQ_TYPE of a line in flight', async () => {
    const hub = rig({ coprocessor: { lines: 4 } });
    const remote = await hub.up();
    const inFlight = new Set<number>();
    let most = 0;
    hub.link.losesSent = (message) => {
      for (const { type, id } of requests([message])) if (type === MSG.SET_IRQ_TYPE) inFlight.add(id);
      most = Math.max(most, inFlight.size);
      return false;
    };
    hub.link.losesReceived = (message) => {
      if (message.type !== 'vq-used' || message.vq !== 0) return false;
      forEachUsed(message, (id) => inFlight.delete(id));
      return false;
    };
    await Promise.all([
      remote.enableInterrupt(0, 'rising'),
      remote.enableInterrupt(0, 'falling'),
      remote.disableInterrupt(0),
      remote.enableInterrupt(0, 'both'),
    ]);
    expect(most).toBe(1);
  });

  it('H5 sets type NONE when it is done with a line', async () => {
    const hub = rig({ coprocessor: { lines: 4, features: SPECIFIED } });
    const remote = await hub.up();
    await remote.enableInterrupt(1, 'both');
    await remote.releaseLine(1);
    expect(irqTypes(hub.link.sent).at(-1)).toEqual([1, IRQ_TYPE.NONE]);
    const last = requests(hub.link.sent).at(-1)!;
    expect([last.type, last.gpio, last.value]).toEqual([MSG.SET_DIRECTION, 1, DIRECTION.NONE]);
  });

  it('H6 sets an output value before its direction, also after a restart', async () => {
    const hub = rig({ coprocessor: { lines: 4 } });
    const remote = await hub.up();
    const order = (): [number, number][] =>
      requests(hub.link.sent)
        .filter(({ gpio, type }) => gpio === 2 && type !== MSG.GET_LINE_NAMES)
        .map(({ type, value }) => [type, value]);
    await remote.setDirection(2, 'output');
    expect(order()).toEqual([
      [MSG.SET_VALUE, 0],
      [MSG.SET_DIRECTION, DIRECTION.OUT],
    ]);
    await remote.setValue(2, 1);
    hub.link.sent.length = 0;
    hub.coprocessor.reboot();
    await hub.until(() => order().length > 0 && remote.state.kind === 'up', 'the restart');
    expect(order()).toEqual([
      [MSG.SET_VALUE, 1],
      [MSG.SET_DIRECTION, DIRECTION.OUT],
    ]);
  });

  it('H7 takes no event buffer that came back INVALID for an event', async () => {
    const hub = rig({ coprocessor: { lines: 4, features: SPECIFIED } });
    const remote = await hub.up();
    const items = hub.items();
    const ids: number[] = [];
    hub.link.losesSent = (message) => {
      for (const { queue, id } of buffersIn([message])) if (queue === 'eventq') ids.push(id);
      return false;
    };
    await remote.enableInterrupt(0, 'rising');
    await hub.settle();
    hub.link.inject(encodeVqUsed(1, 1, [{ id: ids[0]!, in: Uint8Array.of(0) }]));
    await hub.settle();
    expect(items.map(({ kind }) => kind)).toEqual(['enabled', 'uncounted']);
    expect(ids).toHaveLength(2);
  });

  it('H7 gives a device that answers INVALID at once no busy loop', async () => {
    const hub = rig({ coprocessor: { lines: 4 } });
    const remote = await hub.up();
    let answered = 0;
    hub.link.losesSent = (message) => {
      for (const { queue, id, inLen } of buffersIn([message])) {
        if (queue !== 'eventq') continue;
        answered++;
        queueMicrotask(() => hub.link.inject(encodeVqUsed(1, 1, [{ id, in: new Uint8Array(inLen) }])));
      }
      return message.type === 'vq-avail' && message.vq === 1;
    };
    await remote.enableInterrupt(0, 'both');
    await hub.settle(50);
    const atOnce = answered;
    expect(atOnce).toBeLessThan(30);
    await hub.advance(100, 5);
    expect(answered - atOnce).toBeGreaterThan(5);
    expect(answered - atOnce).toBeLessThanOrEqual(10);
  });

  it('H8 takes the first ngpio names, and leaves lines with a bad one unnamed, with a warning', async () => {
    const names = ['A', 'B', 'C'];
    const hub = rig({ coprocessor: { lines: 3, names, features: SPECIFIED } });
    hub.connect((link) => {
      link.losesReceived = (message, packet) => {
        // The names block as { status, 'A', 0, 'B', 0, 'C', 0 }: B becomes a second A, C loses its terminator.
        if (message.type !== 'vq-used' || message.vq !== 0 || packet.length !== 12 + 4 + 7) return false;
        packet[12 + 4 + 3] = 'A'.charCodeAt(0);
        packet[12 + 4 + 6] = 'C'.charCodeAt(0);
        return false;
      };
    });
    await hub.until(() => hub.bus.status.state.kind === 'up', 'the bus to be up');
    expect(hub.first.description!.names).toEqual(['A', undefined, undefined]);
    expect(hub.first.description!.warnings).toHaveLength(2);
    expect(hub.logs.some((line) => line.startsWith('warn: hub: '))).toBe(true);
    expect(decodeNames(Uint8Array.of(0x41, 0, 0x42, 0, 0x43, 0), 2).names).toEqual(['A', 'B']);
  });

  it('H8 goes on without names that fit no message', async () => {
    const names = Array.from({ length: 16 }, (_, i) => `A_RATHER_LONG_NAME_${i}`);
    const hub = rig({
      coprocessor: { lines: 16, names, maxMsgSize: 128, features: { ...SPECIFIED, namesInConfig: false } },
    });
    const remote = await hub.up();
    expect(remote.description!.names.every((name) => name === undefined)).toBe(true);
    expect(remote.description!.warnings[0]).toContain('do not fit a message');
  });
});
