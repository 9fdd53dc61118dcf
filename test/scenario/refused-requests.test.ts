import { describe, expect, it } from 'vitest';
import type { GpioDevice } from '../../src/device/gpio-device.js';
import type { DeviceQueues, VirtioDevice } from '../../src/device/virtio-device.js';
import { REQUESTQ, RESPONSE } from '../../src/wire/virtio-gpio.js';
import { DEVICE_LINKS, deviceRig } from '../support/device-rig.js';
import { BOTH } from '../support/dialect-rig.js';
import { eventually } from '../support/program.js';

/** A device model whose requestq answers everything with an error, while it is told to. */
function refusing(device: GpioDevice, refuses: () => boolean): VirtioDevice {
  let queues: DeviceQueues | undefined;
  const start: VirtioDevice['start'] = (features, of) => {
    queues = of;
    device.start(features, of);
  };
  const bufferAvailable: VirtioDevice['bufferAvailable'] = (queue, id, ...rest) => {
    if (queue === REQUESTQ && refuses()) queues!.returnBuffer(queue, id, Uint8Array.of(RESPONSE.ERR, 0));
    else device.bufferAvailable(queue, id, ...rest);
  };
  return new Proxy(device, {
    get(target, key) {
      if (key === 'start') return start;
      if (key === 'bufferAvailable') return bufferAvailable;
      const value = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

describe.each(DEVICE_LINKS)('virtio-msg firmware that refuses every request, over %s', (_, link) => {
  it('is told of as such, stays up, and works when it refuses no more', async ({ onTestFinished }) => {
    let refuses = true;
    const wrap = (device: GpioDevice) => refusing(device, () => refuses);
    const { device, bus, remote, chip, now } = await deviceRig(onTestFinished, { link, wrap });
    for (const request of [remote.getValue(1), remote.getDirection(2), remote.setValue(3, 1)]) {
      await expect(request).rejects.toMatchObject({ name: 'DEVICE_ERROR' });
    }
    const watch = { consumer: 'test', offsets: [0, 1], config: BOTH };
    await expect(chip.requestLines(watch)).rejects.toMatchObject({ name: 'DEVICE_ERROR' });
    expect(chip.lineInfo(0).used).toBe(false);
    expect(bus.status.state.kind).toBe('up');
    refuses = false;
    const request = await chip.requestLines(watch);
    const events: unknown[] = [];
    request.events$.subscribe((batch) => events.push(...batch));
    device.edge(0, 1, now());
    await eventually(() => (events.length === 1 ? true : undefined), 'the edge');
    expect(events).toMatchObject([{ type: 'edge', edge: 'rising', offset: 0, lost: 0 }]);
    await request.release();
  });
});
