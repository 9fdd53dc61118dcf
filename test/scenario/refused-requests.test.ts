import { afterEach, describe, expect, it } from 'vitest';
import { timeouts } from '../../src/base/timeouts.js';
import { GpioDevice } from '../../src/device/gpio-device.js';
import type { LineBackend } from '../../src/device/line-backend.js';
import type { DeviceQueues, VirtioDevice } from '../../src/device/virtio-device.js';
import { VirtioMsgDeviceBus } from '../../src/device/virtio-msg/bus-device.js';
import { VirtioMsgBus } from '../../src/driver/virtio-msg/virtio-msg-bus.js';
import { CoprocessorChip } from '../../src/gpio/coprocessor-chip.js';
import { seqpacketLinkPair } from '../../src/link/messages/seqpacket.js';
import { listen, openLink } from '../../src/link/open.js';
import type { PacketLink } from '../../src/link/packet-link.js';
import { SerialLink } from '../../src/link/serial/serial-link.js';
import { systemTime } from '../../src/linux/clock.js';
import { REQUESTQ, RESPONSE } from '../../src/wire/virtio-gpio.js';
import { BOTH } from '../support/dialect-rig.js';
import { eventually, temporaryDirectory } from '../support/program.js';

/** What was opened, to be closed in turn. */
const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

const NO_PINS: LineBackend = {
  setDirection: () => {},
  setValue: () => {},
  getValue: () => 0,
  reset: () => {},
};

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

async function seqpacket(): Promise<[driver: PacketLink, device: PacketLink]> {
  return seqpacketLinkPair(systemTime);
}

async function pty(): Promise<[driver: PacketLink, device: PacketLink]> {
  const directory = temporaryDirectory();
  const path = directory.join('hub');
  const listener = await listen(`pty:${path}`, systemTime);
  open.push(() => listener.close().then(directory.remove));
  if (!('streams$' in listener)) throw new Error('a pty that carries no bytes');
  const serial = { role: 'device', mode: 'auto', time: systemTime, random: Math.random } as const;
  const device = new Promise<PacketLink>((resolve) => {
    listener.streams$.subscribe((stream) => resolve(new SerialLink('pty', stream, serial)));
  });
  const driver = openLink(`serial:${path}`, { time: systemTime, random: Math.random });
  return [driver, await device];
}

describe.each([
  ['a SEQPACKET pair', seqpacket],
  ['a serial line', pty],
] as const)('virtio-msg firmware that refuses every request, over %s', (_, link) => {
  it('is told of as such, stays up, and works when it refuses no more', async () => {
    let refuses = true;
    const now = () => Number(systemTime.monotonicNs());
    const features = { irq: true, stamp: true, queue: true, namesInConfig: true };
    const device = new GpioDevice({ lineCount: 4, features, backend: NO_PINS, now });
    const firmware = new VirtioMsgDeviceBus({
      devices: new Map([[1, refusing(device, () => refuses)]]),
      bootId: 1,
      ident: 'refuses 1.0',
      now,
    });
    const logs: string[] = [];
    const bus = new VirtioMsgBus({
      name: 'hub',
      time: systemTime,
      random: Math.random,
      timeouts: timeouts(),
      log: (level, message) => logs.push(`${level} ${message}`),
      onRestart: 'restore',
    });
    const [ours, theirs] = await link();
    open.push(() => Promise.all([ours.close(), theirs.close()]));
    open.push(() => bus.close());
    firmware.attach(theirs);
    bus.attach(ours);
    await eventually(() => (bus.status.state.kind === 'up' ? true : undefined), 'the bus to be up');
    const remote = [...bus.controllers.values()][0]!;
    const chip = new CoprocessorChip({
      name: 'hub',
      remote,
      clock: systemTime,
      timers: systemTime,
      startingMs: 1_000,
    });
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
