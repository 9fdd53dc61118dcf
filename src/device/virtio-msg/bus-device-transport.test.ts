import { describe, expect, it } from 'vitest';
import type { RawDriver } from '../../../test/conformance/raw-driver.js';
import { ALL, bit, rig, running, UP } from '../../../test/support/bus-rig.js';
import {
  decodeGpioConfig,
  encodeGpioRequest,
  FEATURE,
  IRQ_TYPE,
  MSG,
  STATUS,
} from '../../wire/virtio-gpio.js';
import { encodeVqAvail } from '../../wire/virtio-msg/queue.js';
import { encodeTransport } from '../../wire/virtio-msg/transport.js';

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
