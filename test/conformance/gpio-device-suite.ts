import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  DIRECTION,
  decodeGpioConfig,
  decodeNames,
  FEATURE,
  IRQ_TYPE,
  MSG,
} from '../../src/wire/virtio-gpio.js';
import {
  type DeviceSetup,
  type DeviceUnderTest,
  GpioBench,
  hasFeature,
  type MakeDevice,
} from './device-under-test.js';

const { NONE, EDGE_RISING, EDGE_FALLING, EDGE_BOTH, LEVEL_HIGH, LEVEL_LOW } = IRQ_TYPE;
const OK = [0, 0];
const ERR = [1, 0];
const NAMES = ['DOOR', '', 'LAMP', 'BUTTON'];
const LINES = 5;

/** Features that a device may have: those of the specification, and with extensions. */
const ALL_VARIANTS: readonly (readonly number[])[] = [
  [FEATURE.IRQ],
  [FEATURE.IRQ, FEATURE.EVENT_STAMP],
  [FEATURE.IRQ, FEATURE.EVENT_STAMP, FEATURE.EVENT_QUEUE],
];

/**
 * The conformance checklist of the GPIO device (docs/protocol.md, D1..D22), one test for each; once for each set of
 * features that the device may have.
 */
export function gpioDeviceConformance(name: string, make: MakeDevice, variants = ALL_VARIANTS): void {
  for (const features of variants) {
    describe(`${name}, ${titleOf(features)}`, () => checklist(make, setup(features)));
  }
}

function titleOf(features: readonly number[]): string {
  const extensions = (['EVENT_STAMP', 'EVENT_QUEUE'] as const).filter((one) =>
    features.includes(FEATURE[one]),
  );
  return extensions.join(' and ') || 'plain';
}

function setup(features: readonly number[]): DeviceSetup {
  const eventDepth = features.includes(FEATURE.EVENT_QUEUE) ? 4 : 1;
  return { lines: LINES, names: NAMES, features, eventDepth };
}

function checklist(make: MakeDevice, variant: DeviceSetup): void {
  const stamped = hasFeature(variant, 'EVENT_STAMP');
  const depth = hasFeature(variant, 'EVENT_QUEUE') ? variant.eventDepth : 1;
  let device: DeviceUnderTest;
  let bench: GpioBench;
  const extra: DeviceUnderTest[] = [];

  beforeEach(async () => {
    device = await make(variant);
    bench = new GpioBench(device, stamped);
  });
  afterEach(async () => {
    for (const made of [device, ...extra.splice(0)]) await made.close();
  });

  const ask = (type: number, line: number, value = 0) => bench.ask(type, line, value);
  const enable = (line: number, type: number) => ask(MSG.SET_IRQ_TYPE, line, type);
  const unset = () => device.unsetDirection ?? DIRECTION.NONE;
  /** Ids and validity of what came back. */
  const outcome = async () => (await bench.events()).map(({ id, valid }) => [id, valid]);

  it('D1 fills every field of a response, also on error', async () => {
    expect(await ask(MSG.SET_VALUE, LINES, 1)).toEqual(ERR);
    expect(await ask(99, 0, 7)).toEqual(ERR);
    expect(await ask(MSG.SET_DIRECTION, 0, DIRECTION.IN)).toEqual(OK);
    const short = device.available(0, Uint8Array.of(MSG.GET_VALUE, 0), 2);
    await device.settle();
    expect(device.returned.find(({ queue, id }) => queue === 0 && id === short)?.bytes).toEqual(
      Uint8Array.from(ERR),
    );
  });

  it('D2 has zero padding, and a names size that is 0 exactly when there are no names', async () => {
    const config = await device.config();
    expect(config.subarray(2, 4)).toEqual(new Uint8Array(2));
    expect(decodeGpioConfig(config)).toMatchObject({
      ngpio: LINES,
      gpioNamesSize: 'DOOR..LAMP.BUTTON..'.length,
    });
    if (depth > 1) expect(config.subarray(10, 16)).toEqual(new Uint8Array(6));
    const unnamed = await make({ ...variant, names: ['', ''] });
    extra.push(unnamed);
    expect(decodeGpioConfig(await unnamed.config())).toMatchObject({ ngpio: LINES, gpioNamesSize: 0 });
  });

  it('D3 returns gpio_names_size bytes of names, zero-terminated and unique', async () => {
    const size = decodeGpioConfig(await device.config())!.gpioNamesSize;
    const answer = Uint8Array.from(await bench.ask(MSG.GET_LINE_NAMES, 0, 0, 1 + size));
    expect([answer.length, answer[0], answer[size]]).toEqual([1 + size, 0, 0]);
    expect(decodeNames(answer.subarray(1), LINES)).toEqual({
      names: ['DOOR', undefined, 'LAMP', 'BUTTON', undefined],
      warnings: [],
    });
    expect(await bench.ask(MSG.GET_LINE_NAMES, 0, 0, size)).toEqual(ERR);
  });

  it('D4 answers requests of one line in their order', async () => {
    const ids = [0, 1, 0, 1].flatMap((value) => [
      device.available(0, request(MSG.SET_VALUE, 1, value), 2),
      device.available(0, request(MSG.SET_DIRECTION, 1, DIRECTION.OUT), 2),
      device.available(0, request(MSG.GET_VALUE, 1, 0), 2),
    ]);
    await device.settle();
    const answers = device.returned.filter(({ queue }) => queue === 0);
    expect(answers.map(({ id }) => id)).toEqual(ids);
    expect(answers.map(({ bytes }) => [...bytes])).toEqual(
      [0, 1, 0, 1].flatMap((value) => [OK, OK, [0, value]]),
    );
  });

  it('D5 answers requests of different lines, in whatever order', async () => {
    const ids = [3, 0, 2, 1, 4].map((line) => device.available(0, request(MSG.GET_DIRECTION, line, 0), 2));
    await device.settle();
    const answers = device.returned.filter(({ queue }) => queue === 0);
    expect(new Set(answers.map(({ id }) => id))).toEqual(new Set(ids));
    expect(answers.map(({ bytes }) => [...bytes])).toEqual(ids.map(() => [0, unset()]));
  });

  it('D6 keeps a value until the line becomes an output', async () => {
    expect(await ask(MSG.SET_VALUE, 2, 1)).toEqual(OK);
    expect([device.isOutput(2), device.pinLevel(2)]).toEqual([false, 0]);
    await ask(MSG.SET_DIRECTION, 2, DIRECTION.IN);
    expect(device.pinLevel(2)).toBe(0);
    expect(await ask(MSG.SET_DIRECTION, 2, DIRECTION.OUT)).toEqual(OK);
    expect([device.isOutput(2), device.pinLevel(2)]).toEqual([true, 1]);
  });

  it('D7 forgets all state of a line with direction NONE', async () => {
    await ask(MSG.SET_VALUE, 2, 1);
    await ask(MSG.SET_DIRECTION, 2, DIRECTION.OUT);
    await ask(MSG.SET_DIRECTION, 2, DIRECTION.NONE);
    expect(await ask(MSG.GET_DIRECTION, 2)).toEqual([0, unset()]);
    await ask(MSG.SET_DIRECTION, 2, DIRECTION.OUT);
    expect(device.pinLevel(2)).toBe(0);

    await ask(MSG.SET_DIRECTION, 1, DIRECTION.IN);
    await enable(1, EDGE_BOTH);
    const id = bench.arm(1);
    await ask(MSG.SET_DIRECTION, 1, DIRECTION.NONE);
    expect(await outcome()).toEqual([[id, false]]);
    bench.apply(1, 1, 0);
    await enable(1, EDGE_BOTH);
    bench.arm(1);
    expect(await outcome()).toEqual([]);
  });

  it('D8 refuses what is out of range, and changes nothing', async () => {
    await ask(MSG.SET_VALUE, 0, 1);
    await ask(MSG.SET_DIRECTION, 0, DIRECTION.OUT);
    const bad: [number, number, number][] = [
      [MSG.SET_DIRECTION, 0, 3],
      [MSG.SET_VALUE, 0, 2],
      [MSG.SET_VALUE, LINES, 0],
      [MSG.GET_VALUE, 0xffff, 0],
      [MSG.SET_IRQ_TYPE, 1, 5],
      [MSG.SET_IRQ_TYPE, 1, 0x1_0000],
      [0, 0, 0],
      [7, 0, 0],
    ];
    for (const [type, line, value] of bad) expect(await ask(type, line, value)).toEqual(ERR);
    expect(await ask(MSG.GET_DIRECTION, 0)).toEqual([0, DIRECTION.OUT]);
    expect(await ask(MSG.GET_VALUE, 0)).toEqual([0, 1]);
    expect([device.isOutput(0), device.pinLevel(0)]).toEqual([true, 1]);
  });

  it('D9 latches an edge sensed while masked', async () => {
    expect(await enable(1, EDGE_RISING)).toEqual(OK);
    expect(await outcome()).toEqual([]);
    bench.apply(1, 1, 0, 1, 0);
    const ids = [bench.arm(1)];
    expect(await outcome()).toEqual([[ids[0], true]]);
    ids.push(bench.arm(1));
    // The latch holds one; a queue holds both, and a device that counts owes an account of the loss.
    expect(await outcome()).toEqual(depth > 1 ? [[ids[1], true]] : stamped ? [[ids[1], false]] : []);
  });

  it('D10 never latches a level, and judges it while its buffer is queued', async () => {
    await enable(1, LEVEL_HIGH);
    bench.apply(1, 1, 0);
    const id = bench.arm(1);
    expect(await outcome()).toEqual([]);
    bench.apply(1, 1);
    expect(await outcome()).toEqual([[id, true]]);
    bench.apply(1, 0);
    await enable(2, LEVEL_LOW);
    const low = bench.arm(2);
    expect(await outcome()).toEqual([[low, true]]);
  });

  it('D11 returns a buffer VALID only while enabled and unmasked, once for each', async () => {
    await enable(1, EDGE_FALLING);
    const first = bench.arm(1);
    bench.apply(1, 1);
    expect(await outcome()).toEqual([]);
    bench.apply(1, 0);
    expect(await outcome()).toEqual([[first, true]]);
    bench.apply(1, 1, 0);
    expect(await outcome()).toEqual([]);
  });

  it('D12 delivers a latched edge as soon as a buffer is queued', async () => {
    await enable(1, EDGE_BOTH);
    const first = bench.arm(1);
    bench.apply(1, 1);
    expect(await outcome()).toEqual([[first, true]]);
    bench.apply(1, 0);
    const second = bench.arm(1);
    const events = await bench.events();
    expect(events).toMatchObject([{ id: second, valid: true, ...(stamped ? { level: 0, seq: 2 } : {}) }]);
  });

  it('D13 discards the latch and returns a queued buffer with type NONE', async () => {
    await enable(1, EDGE_BOTH);
    const id = bench.arm(1);
    expect(await ask(MSG.SET_IRQ_TYPE, 1, NONE)).toEqual(OK);
    expect(await outcome()).toEqual([[id, false]]);
    await enable(1, EDGE_BOTH);
    bench.apply(1, 1);
    await ask(MSG.SET_IRQ_TYPE, 1, NONE);
    expect(await outcome()).toEqual([]);
    const later = bench.arm(1);
    const events = await bench.events();
    expect(events).toEqual([{ id: later, valid: false, ...(stamped ? { level: 1, seq: 1 } : {}) }]);
  });

  it('D14 returns a buffer for a line that is not enabled', async () => {
    const id = bench.arm(3);
    expect(await outcome()).toEqual([[id, false]]);
    bench.apply(3, 1);
    expect(await outcome()).toEqual([]);
  });

  it('D15 delivers a level that stays active after each re-queue', async () => {
    bench.apply(1, 1);
    await enable(1, LEVEL_HIGH);
    for (let seq = 1; seq <= 3; seq++) {
      const id = bench.arm(1);
      const events = await bench.events();
      expect(events).toEqual([{ id, valid: true, ...(stamped ? { level: 1, seq } : {}) }]);
    }
  });

  it('D16 returns a buffer too many', async () => {
    await enable(1, EDGE_BOTH);
    const ids = Array.from({ length: depth + 1 }, () => bench.arm(1));
    expect(await outcome()).toEqual([[ids[depth], false]]);
    bench.apply(1, 1);
    expect(await outcome()).toEqual([[ids[0], true]]);
    await enable(2, LEVEL_HIGH);
    const [kept, extra] = [bench.arm(2), bench.arm(2)];
    expect(await outcome()).toEqual([[extra, false]]);
    bench.apply(2, 1);
    expect(await outcome()).toEqual([[kept, true]]);
  });

  it('D17 refuses SET_IRQ_TYPE on an output, and without F_IRQ', async () => {
    await ask(MSG.SET_DIRECTION, 0, DIRECTION.OUT);
    expect(await enable(0, EDGE_BOTH)).toEqual(ERR);
    await ask(MSG.SET_DIRECTION, 0, DIRECTION.IN);
    expect(await enable(0, EDGE_BOTH)).toEqual(OK);
    expect(await enable(1, EDGE_BOTH)).toEqual(OK);
    const without = await make({ ...variant, features: [] });
    extra.push(without);
    const answer = await new GpioBench(without, false).ask(MSG.SET_IRQ_TYPE, 1, EDGE_BOTH);
    expect(answer).toEqual(without.interruptsAlways === true ? OK : ERR);
  });

  it('D18 reads the value of outputs', async () => {
    await ask(MSG.SET_DIRECTION, 0, DIRECTION.OUT);
    await ask(MSG.SET_VALUE, 0, 1);
    device.applyLevel(0, 0);
    expect(await ask(MSG.GET_VALUE, 0)).toEqual([0, 1]);
    await ask(MSG.SET_DIRECTION, 1, DIRECTION.IN);
    device.applyLevel(1, 1);
    expect(await ask(MSG.GET_VALUE, 1)).toEqual([0, 1]);
  });

  it('D19 answers every request, whatever it is', async () => {
    const sizes = [0, 1, 3, 7, 8, 9, 40];
    const ids = sizes.flatMap((size) =>
      [0, 1, 2, 64].map((inLength) => [
        device.available(0, new Uint8Array(size).fill(0xa5), inLength),
        Math.min(inLength, 2),
      ]),
    );
    await device.settle();
    for (const [id, length] of ids) {
      const answer = device.returned.find((buffer) => buffer.queue === 0 && buffer.id === id);
      expect(answer?.bytes).toEqual(Uint8Array.from(ERR.slice(0, length)));
    }
  });

  it('D20 delivers nothing of the time before NONE after enabling again', async () => {
    await enable(1, EDGE_BOTH);
    bench.apply(1, 1, 0, 1);
    await ask(MSG.SET_IRQ_TYPE, 1, NONE);
    bench.apply(1, 0);
    await enable(1, EDGE_BOTH);
    const id = bench.arm(1);
    expect(await outcome()).toEqual([]);
    bench.apply(1, 1);
    expect(await bench.events()).toEqual([{ id, valid: true, ...(stamped ? { level: 1, seq: 1 } : {}) }]);
  });

  it('D21 takes the type already set, and no other without NONE between', async () => {
    await enable(1, EDGE_RISING);
    bench.apply(1, 1);
    expect(await enable(1, EDGE_RISING)).toEqual(OK);
    expect(await enable(1, EDGE_BOTH)).toEqual(ERR);
    expect(await enable(1, LEVEL_HIGH)).toEqual(ERR);
    const latched = bench.arm(1);
    expect(await bench.events()).toEqual([
      { id: latched, valid: true, ...(stamped ? { level: 1, seq: 1 } : {}) },
    ]);
    const queued = bench.arm(1);
    expect(await enable(1, EDGE_RISING)).toEqual(OK);
    expect(await outcome()).toEqual([]);
    bench.apply(1, 0, 1);
    expect(await outcome()).toEqual([[queued, true]]);
    await ask(MSG.SET_IRQ_TYPE, 1, NONE);
    expect(await enable(1, EDGE_BOTH)).toEqual(OK);
  });

  it('D22 refuses direction OUT while the interrupt is enabled', async () => {
    await ask(MSG.SET_DIRECTION, 1, DIRECTION.IN);
    await enable(1, EDGE_BOTH);
    const id = bench.arm(1);
    expect(await ask(MSG.SET_DIRECTION, 1, DIRECTION.OUT)).toEqual(ERR);
    expect(await ask(MSG.GET_DIRECTION, 1)).toEqual([0, DIRECTION.IN]);
    expect(device.isOutput(1)).toBe(false);
    bench.apply(1, 1);
    expect(await outcome()).toEqual([[id, true]]);
  });
}

function request(type: number, line: number, value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, type, true);
  view.setUint16(2, line, true);
  view.setUint32(4, value, true);
  return bytes;
}
