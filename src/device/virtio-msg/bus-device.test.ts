import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ALL, BOOT_ID, rig, running, turn, UP } from '../../../test/support/bus-rig.js';
import {
  decodeStampedIrqResponse,
  encodeGpioRequest,
  IRQ_TYPE,
  MSG,
  STATUS,
} from '../../wire/virtio-gpio.js';
import { encodeBus } from '../../wire/virtio-msg/bus.js';
import { encodeVqAvail } from '../../wire/virtio-msg/queue.js';
import { encodeTransport } from '../../wire/virtio-msg/transport.js';

describe('HELLO', () => {
  it('is awaited: nothing but BUS_BOOT leaves before, and nothing else is taken', async () => {
    const { driver, bus } = rig();
    driver.send(encodeBus({ type: 'ping-request', token: 5, data: 1 }));
    driver.send(encodeTransport({ type: 'status-request', devNum: 1, token: 6 }));
    driver.request(MSG.GET_VALUE, 0, 0);
    await turn();
    expect(driver.received).toEqual([{ type: 'boot', bootId: BOOT_ID }]);
    expect(bus.counters.dropped_before_hello).toBe(3);
  });

  it('is answered with what this side has', async () => {
    const { driver } = rig({ maxPacket: 300 });
    const { token: _, ...answer } = await driver.hello(0, 1024);
    expect(answer).toEqual({
      type: 'hello-response',
      revision: 1,
      maxMsgSize: 300,
      busFeatures: 7,
      bootId: BOOT_ID,
      resumed: 0,
      ident: 'test 1',
    });
  });

  it.each([
    [1, 1],
    [9, 1],
  ])('of revision %i is answered with %i', async (revision, answered) => {
    const { driver } = rig();
    const answer = await driver.bus(
      { type: 'hello-request', revision, maxMsgSize: 64, busFeatures: 0, knownBootId: 0 },
      'hello-response',
    );
    expect(answer.revision).toBe(answered);
  });

  it('with a size under 64 is dropped', async () => {
    const { driver, bus } = rig();
    const hello = { type: 'hello-request', token: 3, revision: 1, busFeatures: 0, knownBootId: 0 } as const;
    driver.send(encodeBus({ ...hello, maxMsgSize: 63 }));
    await turn();
    expect([driver.received.length, bus.counters.dropped_bad_hello]).toEqual([1, 1]);
  });

  it('keeps everything sent within the agreed size', async () => {
    const { driver, gpio, ours } = rig();
    const sizes: number[] = [];
    ours.packets$.subscribe(({ packets }) => sizes.push(...packets.map(({ length }) => length)));
    await driver.hello(0, 64);
    await driver.bringUp(ALL);
    driver.request(MSG.SET_IRQ_TYPE, 0, IRQ_TYPE.EDGE_RISING);
    for (let i = 0; i < 20; i++) driver.eventBuffer(0, 16);
    await driver.settle();
    for (let i = 1; i <= 20; i++) gpio.edge(0, 1, i);
    driver.request(MSG.GET_LINE_NAMES, 0, 0, 1000);
    await driver.transport({ type: 'config-request', devNum: 1, offset: 0, length: 4000 }, 'config-response');
    await driver.settle();
    expect(driver.used.filter(({ queue }) => queue === 1)).toHaveLength(20);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(64);
  });
});

describe('resuming', () => {
  it('keeps status, interrupts, kept edges and numbers, and forgets the buffers', async () => {
    const { driver, gpio, theirs, bus } = await running();
    driver.request(MSG.SET_IRQ_TYPE, 3, IRQ_TYPE.EDGE_RISING);
    driver.eventBuffer(3, 16);
    await driver.settle();
    theirs.breakChannel();
    gpio.edge(3, 1, 77);
    await turn();
    expect((await driver.hello(BOOT_ID)).resumed).toBe(1);
    expect(await driver.status()).toBe(UP | STATUS.DRIVER_OK);
    driver.used.length = 0;
    for (let i = 0; i < 3; i++) driver.eventBuffer(3, 16);
    await driver.settle();
    const events = driver.used.map(({ bytes }) => decodeStampedIrqResponse(bytes));
    expect(events).toEqual([
      { status: 1, level: 1, seq: 1, timeNs: 77n },
      { status: 0, level: 1, seq: 1, timeNs: 0n },
    ]);
    expect(bus.counters.resumes).toBe(1);
  });

  it('is refused for another boot_id, before DRIVER_OK, and without F_RESUME: the devices are reset', async () => {
    const other = await running();
    expect((await other.driver.hello(BOOT_ID + 1)).resumed).toBe(0);
    expect(await other.driver.status()).toBe(0);
    const early = rig();
    await early.driver.hello();
    await early.driver.setStatus(STATUS.ACKNOWLEDGE);
    expect((await early.driver.hello(BOOT_ID)).resumed).toBe(0);
    const without = await running({ features: { resume: false } });
    const answer = await without.driver.hello(BOOT_ID);
    expect([answer.resumed, answer.busFeatures]).toEqual([0, 3]);
  });

  it('needs every device at DRIVER_OK', async () => {
    const { driver } = await running({ devNums: [1, 2] });
    expect((await driver.hello(BOOT_ID)).resumed).toBe(0);
  });
});

describe('enumeration', () => {
  it('goes in pieces', async () => {
    const devNums = [1, 4, 100, 601];
    const { driver } = rig({ devNums });
    await driver.hello(0, 64);
    const found: number[] = [];
    let offset = 0;
    for (let pieces = 0; pieces < 20; pieces++) {
      const answer = await driver.bus(
        { type: 'get-devices-request', offset, count: 0xfff8 },
        'get-devices-response',
      );
      found.push(...answer.devices);
      offset = answer.nextOffset;
      if (offset === 0) break;
      expect(offset % 8).toBe(0);
    }
    expect(found).toEqual(devNums);
  });

  it('tells nothing of a device that is not there', async () => {
    const { driver, bus } = rig();
    await driver.hello();
    const { info } = await driver.transport(
      { type: 'device-info-request', devNum: 9 },
      'device-info-response',
    );
    expect(Object.values(info)).toEqual([0, 0, 0, 0, 0, 0, 0]);
    driver.send(encodeTransport({ type: 'status-request', devNum: 9, token: 1 }));
    await driver.settle();
    expect(bus.counters.dropped_unknown_device).toBe(1);
  });

  it('describes a device', async () => {
    const { driver, gpio } = rig();
    await driver.hello();
    const { info } = await driver.transport(
      { type: 'device-info-request', devNum: 1 },
      'device-info-response',
    );
    expect(info).toMatchObject({
      deviceId: 41,
      featureBits: 64,
      configSize: gpio.config.length,
      maxVirtqueues: 2,
    });
  });
});

describe('order', () => {
  it('sends an edge before the answer of a later request', async () => {
    const { driver, gpio } = await running();
    driver.request(MSG.SET_IRQ_TYPE, 0, IRQ_TYPE.EDGE_BOTH);
    driver.eventBuffer(0, 16);
    await driver.settle();
    driver.used.length = 0;
    gpio.edge(0, 1, 5);
    driver.request(MSG.GET_VALUE, 0, 0);
    const seen = driver.received.length;
    await driver.setStatus(0);
    expect(driver.used.map(({ queue }) => queue)).toEqual([1, 0]);
    expect(driver.received.slice(seen).map(({ type }) => type)).toEqual([
      'vq-used',
      'vq-used',
      'set-status-response',
    ]);
  });

  it('puts the buffers of one turn into one message', async () => {
    const { driver, gpio } = await running();
    driver.request(MSG.SET_IRQ_TYPE, 0, IRQ_TYPE.EDGE_RISING);
    for (let i = 0; i < 10; i++) driver.eventBuffer(0, 16);
    await driver.settle();
    const seen = driver.received.length;
    for (let i = 0; i < 10; i++) gpio.edge(0, 1, i);
    await turn();
    expect(driver.received.slice(seen)).toMatchObject([{ type: 'vq-used', count: 10 }]);
  });

  it('keeps edges while the channel is full, and makes them leave when there is room', async () => {
    const { driver, gpio } = await running({ queue: 2, maxPacket: 64 });
    driver.request(MSG.SET_IRQ_TYPE, 0, IRQ_TYPE.EDGE_RISING);
    await driver.settle();
    for (let i = 0; i < 12; i++) {
      driver.eventBuffer(0, 16);
      await driver.settle();
    }
    // Two elements fit a message of 64 bytes, and two messages the channel.
    for (let i = 1; i <= 12; i++) gpio.edge(0, 1, i);
    expect([gpio.keptOf(0), gpio.statsOf(0).delivered]).toEqual([8, 4]);
    await turn();
    const events = driver.used.filter(({ queue }) => queue === 1);
    expect(events.map(({ bytes }) => decodeStampedIrqResponse(bytes).seq)).toEqual(
      Array.from({ length: 12 }, (_, i) => i + 1),
    );
    expect(gpio.keptOf(0)).toBe(0);
  });
});

describe('a driver that does not read', () => {
  it('makes answers wait in bounds, counted beyond', async () => {
    const { driver, bus, theirs } = await running({ queue: 1 });
    const huge = { type: 'features-request', devNum: 1, token: 9, block: 0, count: 200 } as const;
    // All in one batch: the channel takes one answer, the others wait.
    const packets = Array.from({ length: 6000 }, () => encodeTransport(huge));
    (theirs as unknown as { receive(packets: Uint8Array[]): void }).receive(packets);
    expect(bus.counters.dropped_outbox_full).toBeGreaterThan(0);
    expect(bus.counters.dropped_outbox_full).toBeLessThan(2000);
    await driver.settle();
    const answers = driver.received.filter(({ type }) => type === 'features-response');
    expect(answers.length).toBe(6001 - bus.counters.dropped_outbox_full);
  });
});

describe('other messages', () => {
  it('answers BUS_TIME with its clock', async () => {
    const { driver, time } = await running();
    time.now = 12_345n;
    const { t1, t2, t3 } = await driver.bus({ type: 'time-request', t1: 99n }, 'time-response');
    expect([t1, t2, t3]).toEqual([99n, 12_345n, 12_345n]);
  });

  it('asks with PING, too', async () => {
    const { driver, bus } = await running();
    const answered = bus.ping();
    await turn();
    const ping = driver.received.find((message) => message.type === 'ping-request');
    driver.send(encodeBus({ ...ping!, type: 'ping-response' } as never));
    await answered;
    driver.send(encodeBus({ ...ping!, type: 'ping-response' } as never));
    await driver.settle();
    expect(bus.counters.dropped_stray_response).toBe(1);
  });

  it('cuts a log to the agreed size, between characters', async () => {
    const { driver, bus } = rig();
    await driver.hello(0, 64);
    bus.log(4, 'ü'.repeat(100));
    await turn();
    const log = driver.received.find((message) => message.type === 'log');
    expect(log).toMatchObject({ level: 4, text: 'ü'.repeat(27) });
  });

  it('announces devices', async () => {
    const { driver, bus } = await running();
    bus.announce(7, 'REMOVED');
    await turn();
    expect(driver.received.at(-1)).toEqual({ type: 'event-device', devNum: 7, state: 2 });
  });

  it('counts what only a device sends', async () => {
    const { driver, bus } = await running();
    driver.send(encodeBus({ type: 'boot', bootId: 1 }));
    await driver.settle();
    expect(bus.counters.dropped_wrong_direction).toBe(1);
  });

  it('lives through any packets', async () => {
    const { driver, bus } = await running();
    const seeds = [
      encodeVqAvail(1, 1, [{ id: 1, inLen: 16, out: Uint8Array.of(0, 0) }]),
      encodeVqAvail(1, 0, [{ id: 1, inLen: 2, out: encodeGpioRequest(MSG.SET_IRQ_TYPE, 0, 3) }]),
      encodeTransport({ type: 'config-request', devNum: 1, token: 1, offset: 0, length: 10 }),
      encodeTransport({ type: 'features-request', devNum: 1, token: 1, block: 0, count: 2 }),
      encodeBus({ type: 'get-devices-request', token: 1, offset: 0, count: 8 }),
    ];
    const packets = fc.oneof(
      fc.uint8Array({ maxLength: 64 }),
      fc
        .tuple(fc.constantFrom(...seeds), fc.array(fc.tuple(fc.nat(30), fc.nat(255)), { maxLength: 3 }))
        .map(([seed, changes]) => {
          const packet = seed.slice();
          for (const [at, value] of changes) if (at < packet.length) packet[at] = value;
          return packet;
        }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(packets, { maxLength: 20 }), async (batch) => {
        for (const packet of batch) driver.send(packet);
        await turn();
      }),
      { numRuns: 300 },
    );
    await driver.hello();
    await driver.settle();
    expect(bus.greeted).toBe(true);
  });
});
