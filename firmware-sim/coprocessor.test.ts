import { afterEach, describe, expect, it } from 'vitest';
import { memoryLinkPair } from '../src/link/memory.js';
import { DIRECTION, decodeStampedIrqResponse, FEATURE, IRQ_TYPE, MSG } from '../src/wire/virtio-gpio.js';
import { HandTime } from '../test/conformance/hand-time.js';
import { RawDriver } from '../test/conformance/raw-driver.js';
import { SimulatedCoprocessor } from './coprocessor.js';
import type { CoprocessorOptions } from './options.js';

const ALL = (1n << 64n) - 1n;
const running: SimulatedCoprocessor[] = [];

afterEach(async () => {
  for (const coprocessor of running.splice(0)) await coprocessor.close();
});

function start(options: CoprocessorOptions = {}) {
  const time = new HandTime();
  const coprocessor = new SimulatedCoprocessor(options, time);
  running.push(coprocessor);
  const [ours, theirs] = memoryLinkPair({ clock: time });
  const driver = new RawDriver(ours);
  coprocessor.attach(theirs);
  return { time, coprocessor, driver, ours, theirs };
}

describe('a simulated coprocessor', () => {
  it('announces its boot, then nothing until HELLO', async () => {
    const { coprocessor, driver } = start();
    await new Promise((resolve) => setImmediate(resolve));
    expect(driver.received).toEqual([{ type: 'boot', bootId: coprocessor.bootId }]);
  });

  it('shows on a pin what the driver set', async () => {
    const { coprocessor, driver } = start({ lines: 4, names: ['DOOR', 'LAMP'] });
    await driver.hello();
    await driver.bringUp(ALL);
    driver.request(MSG.SET_VALUE, 1, 1);
    driver.request(MSG.SET_DIRECTION, 1, DIRECTION.OUT);
    await driver.settle();
    expect(driver.used.map(({ bytes }) => [...bytes])).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expect(coprocessor.pin('LAMP')).toEqual({
      controller: 1,
      line: 1,
      name: 'LAMP',
      direction: 'output',
      level: 1,
    });
  });

  it('delivers the edges of a stimulus with their true times', async () => {
    const { time, coprocessor, driver } = start({ lines: 4, names: [] });
    await driver.hello();
    await driver.bringUp(ALL);
    driver.request(MSG.SET_IRQ_TYPE, 2, IRQ_TYPE.EDGE_BOTH);
    for (let i = 0; i < 8; i++) driver.eventBuffer(2, 16);
    await driver.settle();
    coprocessor.addStimulus({ kind: 'toggle', controller: 1, line: 2, periodNs: 300_000 });
    time.advance(2.15);
    await driver.settle();
    const events = driver.used.filter(({ queue }) => queue === 1);
    expect(events.map(({ bytes }) => decodeStampedIrqResponse(bytes))).toEqual(
      [1, 2, 3, 4, 5, 6, 7].map((seq) => ({
        status: 1,
        level: seq % 2,
        seq,
        timeNs: BigInt(seq) * 300_000n,
      })),
    );
    expect(coprocessor.stats().total).toEqual({
      sensed: 7,
      delivered: 7,
      kept: 0,
      overflowed: 0,
      discarded: 0,
    });
  });

  it('offers the features asked for', async () => {
    const { driver } = start({ features: { irq: true, stamp: true, queue: false } });
    await driver.hello();
    const offered = await driver.offered();
    const has = (feature: number) => (offered & (1n << BigInt(feature))) !== 0n;
    expect([has(FEATURE.IRQ), has(FEATURE.EVENT_STAMP), has(FEATURE.EVENT_QUEUE)]).toEqual([
      true,
      true,
      false,
    ]);
  });
});
