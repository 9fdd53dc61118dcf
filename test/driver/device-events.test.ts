import { afterEach, describe, expect, it } from 'vitest';
import { timeouts } from '../../src/base/timeouts.js';
import { GpioDevice } from '../../src/device/gpio-device.js';
import type { LineBackend } from '../../src/device/line-backend.js';
import type { VirtioDevice } from '../../src/device/virtio-device.js';
import { VirtioMsgDeviceBus } from '../../src/device/virtio-msg/bus-device.js';
import { VirtioMsgBus } from '../../src/driver/virtio-msg/virtio-msg-bus.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { encodeTransport } from '../../src/wire/virtio-msg/transport.js';
import { SleepyTime } from './driver-rig.js';
import { TappedLink } from './tapped-link.js';

const backend: LineBackend = {
  setDirection: () => {},
  setValue: () => {},
  getValue: () => 0,
  reset: () => {},
};
const FEATURES = { irq: true, stamp: true, queue: true, namesInConfig: true };
const open: VirtioMsgBus[] = [];

afterEach(() => {
  for (const bus of open.splice(0)) bus.close();
});

function gpio(names: string[], lineCount = names.length): GpioDevice {
  return new GpioDevice({ lineCount, names, features: FEATURES, backend, now: () => 0 });
}

/** A virtio-rng, or anything else that is no GPIO device. */
const OTHER: VirtioDevice = {
  deviceId: 4,
  vendorId: 0,
  offeredFeatures: 0n,
  maxQueueSizes: [8],
  resumable: false,
  config: new Uint8Array(0),
  configGeneration: 0,
  acceptsFeatures: () => true,
  hasQueue: () => true,
  start: () => {},
  reset: () => {},
  forgetBuffers: () => {},
  resetQueue: () => {},
  bufferAvailable: () => {},
  pump: () => {},
};

async function start(devices: ReadonlyMap<number, VirtioDevice>) {
  const time = new SleepyTime();
  const [ours, theirs] = memoryLinkPair({ clock: time });
  const device = new VirtioMsgDeviceBus({ devices, bootId: 7, ident: 'board 1.0', now: () => 0 });
  const logs: string[] = [];
  const bus = new VirtioMsgBus({
    name: 'hub',
    time,
    random: () => 0,
    timeouts: timeouts(),
    log: (level, message) => logs.push(`${level}: ${message}`),
    onRestart: 'restore',
  });
  open.push(bus);
  const link = new TappedLink(ours, 'reliable');
  device.attach(theirs);
  bus.attach(link);
  const until = async (condition: () => boolean): Promise<void> => {
    for (let i = 0; i < 1_000 && !condition(); i++) {
      await new Promise((resolve) => setImmediate(resolve));
      if (i % 10 === 9) time.advance(1);
    }
    expect(condition()).toBe(true);
  };
  await until(() => bus.status.state.kind === 'up');
  return { bus, device, logs, until, link, time };
}

function configEvent(generation: number): Uint8Array {
  const config = { generation, offset: 0, bytes: new Uint8Array(0) };
  return encodeTransport({ type: 'event-config', devNum: 1, token: 0, status: 15, config });
}

describe('the devices of a bus', () => {
  it('that are no GPIO controllers are skipped, with a word', async () => {
    const { bus, logs } = await start(
      new Map<number, VirtioDevice>([
        [2, OTHER],
        [5, gpio(['A'])],
        [300, gpio(['B'])],
      ]),
    );
    expect([...bus.controllers.keys()]).toEqual([5, 300]);
    expect([...bus.controllers.values()].map(({ name }) => name)).toEqual(['hub.5', 'hub.300']);
    expect(logs).toContain('info: hub: device 2 has virtio device ID 4, not GPIO: skipped');
    expect(bus.status.firmware).toBe('board 1.0');
  });

  it('go when the bus says so, and come when it says that', async () => {
    const devices = new Map<number, VirtioDevice>([
      [1, gpio(['A'])],
      [2, gpio(['B'])],
    ]);
    const { bus, device, until } = await start(devices);
    const second = bus.controllers.get(2)!;
    const shown: number[][] = [];
    bus.controllers$.subscribe((controllers) => shown.push([...controllers.keys()]));
    device.announce(2, 'REMOVED');
    await until(() => bus.controllers.size === 1);
    expect(second.state).toEqual({ kind: 'down', reason: 'the coprocessor removed it' });
    await expect(second.getValue(0)).rejects.toMatchObject({ name: 'LINK_DOWN' });
    device.announce(2, 'READY');
    await until(() => bus.controllers.size === 2 && bus.controllers.get(2)!.state.kind === 'up');
    expect(bus.controllers.get(2)).not.toBe(second);
    expect(shown).toEqual([[1, 2], [1], [1, 2]]);
    // Ready, and known: from status 0 again.
    const states: string[] = [];
    bus.controllers.get(1)!.state$.subscribe((state) => states.push(state.kind));
    device.announce(1, 'READY');
    await until(() => states.length === 3);
    expect(states).toEqual(['up', 'starting', 'up']);
  });

  it('whose configuration changes are described again', async () => {
    const first = gpio(['A', 'B', 'C']);
    const renamed = gpio(['A', 'X', 'C']);
    const larger = gpio(['A', 'X', 'C', 'D']);
    let config = first.config;
    let generation = 0;
    const changing = new Proxy(first, {
      get: (target, key) => {
        if (key === 'config') return config;
        if (key === 'configGeneration') return generation;
        const value = Reflect.get(target, key) as unknown;
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const { bus, until, link } = await start(new Map([[1, changing]]));
    const remote = bus.controllers.get(1)!;
    const items: string[] = [];
    remote.interrupts$.subscribe((batch) => items.push(...batch.items.map(({ kind }) => kind)));
    await remote.enableInterrupt(1, 'both');
    await remote.enableInterrupt(2, 'both');
    config = renamed.config;
    generation = 1;
    link.inject(configEvent(1));
    await until(() => remote.state.kind === 'up' && remote.state.generation === 2);
    expect(remote.description!.names).toEqual(['A', 'X', 'C']);
    await until(() => items.includes('disabled'));
    expect(items).toEqual(['enabled', 'enabled', 'account', 'disabled']);
    config = larger.config;
    generation = 2;
    link.inject(configEvent(2));
    await until(() => remote.description!.lineCount === 4 && remote.state.kind === 'up');
    expect(remote.state).toEqual({ kind: 'up', generation: 3 });
    expect(items).toEqual(['enabled', 'enabled', 'account', 'disabled', 'break', 'enabled', 'level']);
  });

  it('are not described again for a generation that is known', async () => {
    const { link, until, time } = await start(new Map([[1, gpio(['A'])]]));
    link.sent.length = 0;
    link.inject(configEvent(0));
    time.advance(5);
    await until(() => true);
    expect(link.sent.filter(({ type }) => type === 'config-request')).toEqual([]);
  });

  it('log, and their words come without control characters', async () => {
    const { device, logs, until } = await start(new Map([[1, gpio(['A'])]]));
    device.log(3, 'door\x1b[31m jammed');
    await until(() => logs.some((line) => line.includes('jammed')));
    expect(logs).toContain('error: hub says: door [31m jammed');
  });
});
