import { describe, expect, it } from 'vitest';
import type { LevelBit } from '../../src/device/line-backend.js';
import type { Level } from '../../src/driver/remote-gpio.js';
import { DEVICE_LINKS, deviceRig } from '../support/device-rig.js';
import { BOTH } from '../support/dialect-rig.js';
import { eventually } from '../support/program.js';

/** The other dialects have this in dialects.test.ts: the simulator answers late there. */
describe.each(DEVICE_LINKS)('virtio-msg over %s', (_, link) => {
  it('tells of an interrupt between a request and its reply at once, and of the reply right', async ({
    onTestFinished,
  }) => {
    let reply: ((level: LevelBit) => void) | undefined;
    const getValue = (line: number) =>
      line === 1 ? new Promise<LevelBit>((resolve) => (reply = resolve)) : 0;
    const { device, chip, now } = await deviceRig(onTestFinished, { link, backend: { getValue } });
    const watched = await chip.requestLines({ consumer: 'test', offsets: [0], config: BOTH });
    const events: unknown[] = [];
    watched.events$.subscribe((batch) => events.push(...batch));
    const input = await chip.requestLines({
      consumer: 'test',
      offsets: [1],
      config: { ...BOTH, edges: 'none' },
    });
    let answer: readonly Level[] | undefined;
    const reading = input.getValues().then((levels) => {
      answer = levels;
    });
    await eventually(() => reply, 'the request to be at the device');
    device.edge(0, 1, now());
    await eventually(() => events.length === 1 || undefined, 'the edge');
    expect(answer).toBeUndefined();
    reply!(1);
    await reading;
    expect(answer).toEqual([1]);
    expect(events).toMatchObject([{ type: 'edge', edge: 'rising', offset: 0, lost: 0 }]);
  });
});
