import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HandTime } from '../../../test/conformance/hand-time.js';
import { RawDriver } from '../../../test/conformance/raw-driver.js';
import { memoryLinkPair } from '../../link/memory.js';
import {
  decodeGpioConfig,
  decodeStampedIrqResponse,
  encodeGpioRequest,
  FEATURE,
  IRQ_TYPE,
  MSG,
  STATUS,
} from '../../wire/virtio-gpio.js';
import { encodeBus } from '../../wire/virtio-msg/bus.js';
import { encodeVqAvail } from '../../wire/virtio-msg/queue.js';
import { encodeTransport } from '../../wire/virtio-msg/transport.js';
import { GpioDevice } from '../gpio-device.js';
import { VirtioMsgDeviceBus, type VirtioMsgDeviceBusOptions } from './bus-device.js';

const BOOT_ID = 0xb007;
const ALL = (1n << 64n) - 1n;
const UP = STATUS.ACKNOWLEDGE | STATUS.DRIVER | STATUS.FEATURES_OK;
const bit = (feature: number) => 1n << BigInt(feature);

interface RigOptions extends Partial<VirtioMsgDeviceBusOptions> {
  readonly devNums?: readonly number[];
  readonly maxPacket?: number;
  readonly queue?: number;
  readonly names?: readonly string[];
}

function rig({
  devNums = [1],
  maxPacket = 1024,
  queue = 256,
  names = ['DOOR'],
  ...changes
}: RigOptions = {}) {
  const time = new HandTime();
  const gpios = devNums.map(
    () =>
      new GpioDevice({
        lineCount: 8,
        names,
        eventDepth: 64,
        features: { irq: true, stamp: true, queue: true, namesInConfig: true },
        now: () => Number(time.now),
        backend: {
          setDirection: () => undefined,
          setValue: () => undefined,
          getValue: () => 1,
          reset: () => undefined,
        },
      }),
  );
  const bus = new VirtioMsgDeviceBus({
    devices: new Map(devNums.map((devNum, i) => [devNum, gpios[i]])),
    bootId: BOOT_ID,
    ident: 'test 1',
    now: () => Number(time.now),
    ...changes,
  });
  const [ours, theirs] = memoryLinkPair({ clock: time, maxPacket, queue });
  const driver = new RawDriver(ours, devNums[0]);
  bus.attach(theirs);
  return { time, bus, gpio: gpios[0], gpios, driver, ours, theirs };
}

/** A rig whose device is at DRIVER_OK. */
async function running(options: RigOptions = {}) {
  const made = rig(options);
  await made.driver.hello();
  await made.driver.bringUp(ALL);
  return made;
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

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

describe('features and status', () => {
  it('reads 0 beyond the bits there are', async () => {
    const { driver } = rig();
    await driver.hello();
    const { features } = await driver.transport(
      { type: 'features-request', devNum: 1, block: 1, count: 4 },
      'features-response',
    );
    expect(features.bits.slice(1)).toEqual([0, 0, 0]);
    expect(features.bits[0] & 1).toBe(1);
  });

  it.each([
    ['a bit that is not offered', bit(5)],
    ['EVENT_QUEUE without EVENT_STAMP', bit(FEATURE.IRQ) | bit(FEATURE.EVENT_QUEUE)],
  ])('refuses FEATURES_OK with %s', async (_, features) => {
    const { driver } = rig();
    await driver.hello();
    await driver.setFeatures(features);
    expect(await driver.setStatus(UP)).toBe(STATUS.ACKNOWLEDGE | STATUS.DRIVER);
    expect(await driver.setStatus(UP | STATUS.DRIVER_OK)).toBe(STATUS.ACKNOWLEDGE | STATUS.DRIVER);
    await driver.setFeatures(bit(FEATURE.IRQ));
    expect(await driver.setStatus(UP)).toBe(UP);
  });

  it('refuses bits in blocks beyond, until they are taken back', async () => {
    const { driver } = rig();
    await driver.hello();
    const set = (value: number) =>
      driver.transport(
        { type: 'set-features-request', devNum: 1, features: { block: 7, bits: [value] } },
        'set-features-response',
      );
    await set(1);
    expect(await driver.setStatus(UP)).toBe(3);
    await set(0);
    expect(await driver.setStatus(UP)).toBe(UP);
  });

  it('goes back to the start with status 0', async () => {
    const { driver, bus } = await running();
    expect(await driver.setStatus(0)).toBe(0);
    driver.request(MSG.GET_VALUE, 0, 0);
    await driver.settle();
    expect([driver.used.length, bus.counters.dropped_not_driver_ok]).toEqual([0, 1]);
    await driver.bringUp(ALL);
    driver.request(MSG.GET_VALUE, 0, 0);
    await driver.settle();
    expect(driver.used).toHaveLength(1);
  });

  it('says NEEDS_RESET, and takes no buffers until it was reset', async () => {
    const { driver, bus } = await running();
    bus.failDevice(1);
    driver.request(MSG.GET_VALUE, 0, 0);
    await driver.settle();
    expect(driver.received.find(({ type }) => type === 'event-config')).toMatchObject({
      devNum: 1,
      status: UP | STATUS.DRIVER_OK | STATUS.NEEDS_RESET,
    });
    expect(driver.used).toEqual([]);
    await driver.setStatus(0);
    await driver.bringUp(ALL);
    expect(await driver.status()).toBe(UP | STATUS.DRIVER_OK);
  });
});

describe('configuration', () => {
  const read = async (driver: RawDriver, offset: number, length: number) =>
    (await driver.transport({ type: 'config-request', devNum: 1, offset, length }, 'config-response')).config;

  it('is read in pieces, names included', async () => {
    const names = Array.from({ length: 8 }, (_, i) => `A_RATHER_LONG_NAME_${i}`);
    const { driver, gpio } = rig({ names });
    await driver.hello(0, 64);
    const pieces: number[] = [];
    for (let offset = 0; ; ) {
      const { bytes } = await read(driver, offset, 1000);
      if (bytes.length === 0) break;
      pieces.push(...bytes);
      offset += bytes.length;
    }
    expect(Uint8Array.from(pieces)).toEqual(gpio.config);
    const block = Buffer.from(pieces.slice(16)).toString('latin1');
    expect(block).toBe(names.map((name) => `${name}\0`).join(''));
    expect(decodeGpioConfig(Uint8Array.from(pieces))).toEqual({
      ngpio: 8,
      gpioNamesSize: block.length,
      eventDepth: 64,
    });
  });

  it('ends where it ends, and cannot be written', async () => {
    const { driver, gpio } = rig();
    await driver.hello();
    expect((await read(driver, gpio.config.length - 1, 9)).bytes).toHaveLength(1);
    expect((await read(driver, 0xffff_ffff, 9)).bytes).toHaveLength(0);
    const config = { generation: 0, offset: 0, bytes: Uint8Array.of(1, 2) };
    const answer = await driver.transport(
      { type: 'set-config-request', devNum: 1, config },
      'set-config-response',
    );
    expect(answer.config).toEqual({ generation: 0, offset: 0, bytes: new Uint8Array(0) });
  });
});

describe('queues', () => {
  it('have the sizes that were set', async () => {
    const { driver } = await running();
    const info = async (index: number) =>
      (await driver.transport({ type: 'vqueue-request', devNum: 1, index }, 'vqueue-response')).vqueue;
    expect(await info(0)).toEqual({ index: 0, maxSize: 256, curSize: 64 });
    expect(await info(1)).toEqual({ index: 1, maxSize: 1024, curSize: 256 });
    expect(await info(2)).toEqual({ index: 2, maxSize: 0, curSize: 0 });
  });

  it('drop a VQ_AVAIL before DRIVER_OK, of another device or queue, whole', async () => {
    const { driver, bus } = rig();
    await driver.hello();
    driver.request(MSG.GET_VALUE, 0, 0);
    await driver.bringUp(bit(FEATURE.VERSION_1));
    const buffers = [{ id: 1, inLen: 2, out: encodeGpioRequest(MSG.GET_VALUE, 0, 0) }];
    driver.send(encodeVqAvail(2, 0, buffers));
    driver.send(encodeVqAvail(1, 1, buffers)); // without F_IRQ there is no eventq
    driver.send(encodeVqAvail(1, 2, buffers));
    driver.send(encodeVqAvail(1, 0, []));
    await driver.settle();
    expect(driver.used).toEqual([]);
    expect(bus.counters).toMatchObject({
      dropped_not_driver_ok: 1,
      dropped_unknown_device: 1,
      dropped_unknown_queue: 2,
    });
  });

  it('drop an id that is outstanding, and buffers beyond their size', async () => {
    const { driver, bus } = rig();
    await driver.hello();
    await driver.bringUp(ALL, [4, 3]);
    driver.request(MSG.SET_IRQ_TYPE, 0, IRQ_TYPE.EDGE_BOTH);
    await driver.settle();
    const out = Uint8Array.of(0, 0);
    const ids = [1, 1, 2, 3, 4];
    driver.send(
      encodeVqAvail(
        1,
        1,
        ids.map((id) => ({ id, inLen: 16, out })),
      ),
    );
    await driver.settle();
    expect(bus.counters).toMatchObject({ dropped_id_outstanding: 1, dropped_queue_overfull: 1 });
    driver.used.length = 0;
    driver.request(MSG.SET_IRQ_TYPE, 0, IRQ_TYPE.NONE);
    await driver.settle();
    expect(driver.used.filter(({ queue }) => queue === 1).map(({ id }) => id)).toEqual([1, 2, 3]);
  });

  it('are reset by RESET_VQUEUE, only if it was negotiated', async () => {
    const { driver, gpio } = await running();
    driver.request(MSG.SET_IRQ_TYPE, 0, IRQ_TYPE.EDGE_BOTH);
    driver.eventBuffer(0, 16);
    await driver.transport({ type: 'reset-vqueue-request', devNum: 1, index: 1 }, 'reset-vqueue-response');
    gpio.edge(0, 1, 5);
    await driver.settle();
    expect(driver.used.filter(({ queue }) => queue === 1)).toEqual([]);
    driver.eventBuffer(0, 16);
    await driver.settle();
    expect(driver.used.filter(({ queue }) => queue === 1)).toHaveLength(1);

    const plain = rig();
    await plain.driver.hello();
    await plain.driver.bringUp(bit(FEATURE.IRQ));
    plain.driver.send(encodeTransport({ type: 'reset-vqueue-request', devNum: 1, token: 7, index: 1 }));
    await plain.driver.settle();
    expect(plain.bus.counters.dropped_not_negotiated).toBe(1);
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
