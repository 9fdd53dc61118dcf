import { timeouts } from '../../src/base/timeouts.js';
import { GpioDevice } from '../../src/device/gpio-device.js';
import type { LineBackend } from '../../src/device/line-backend.js';
import type { VirtioDevice } from '../../src/device/virtio-device.js';
import { VirtioMsgDeviceBus } from '../../src/device/virtio-msg/bus-device.js';
import type { RemoteGpio } from '../../src/driver/remote-gpio.js';
import { VirtioMsgBus } from '../../src/driver/virtio-msg/virtio-msg-bus.js';
import { CoprocessorChip } from '../../src/gpio/coprocessor-chip.js';
import { seqpacketLinkPair } from '../../src/link/messages/seqpacket.js';
import { listen, openLink } from '../../src/link/open.js';
import type { PacketLink } from '../../src/link/packet-link.js';
import { SerialLink } from '../../src/link/serial/serial-link.js';
import { systemTime } from '../../src/linux/clock.js';
import { eventually, temporaryDirectory } from './program.js';

/** How the two are connected: each gives the driver's end and the device's. */
export const DEVICE_LINKS = [
  ['a SEQPACKET pair', seqpacket],
  ['a serial line', pty],
] as const;

/** When a test is over. */
type Finished = (cleanUp: () => Promise<void> | void) => void;

export interface DeviceRigOptions {
  readonly link: (typeof DEVICE_LINKS)[number][1];
  /** What the device drives and reads; nothing unless given. */
  readonly backend?: Partial<LineBackend>;
  /** What stands before the device on the bus. */
  readonly wrap?: (device: GpioDevice) => VirtioDevice;
}

export interface DeviceRig {
  readonly device: GpioDevice;
  readonly bus: VirtioMsgBus;
  readonly remote: RemoteGpio;
  readonly chip: CoprocessorChip;
  /** Of the device's clock. */
  readonly now: () => number;
}

/** A device model of four lines behind virtio-msg, its driver and its chip, up, over a real link in this process. */
export async function deviceRig(
  finished: Finished,
  { link, backend, wrap = (device) => device }: DeviceRigOptions,
): Promise<DeviceRig> {
  const now = () => Number(systemTime.monotonicNs());
  const features = { irq: true, stamp: true, queue: true, namesInConfig: true };
  const device = new GpioDevice({ lineCount: 4, features, backend: { ...NO_PINS, ...backend }, now });
  const devices = new Map([[1, wrap(device)]]);
  const firmware = new VirtioMsgDeviceBus({ devices, bootId: 1, ident: 'rig 1.0', now });
  const bus = new VirtioMsgBus({
    name: 'hub',
    time: systemTime,
    random: Math.random,
    timeouts: timeouts(),
    log: () => {},
    onRestart: 'restore',
  });
  const [ours, theirs] = await link(finished);
  finished(async () => {
    await Promise.all([ours.close(), theirs.close()]);
  });
  finished(() => bus.close());
  firmware.attach(theirs);
  bus.attach(ours);
  await eventually(() => (bus.status.state.kind === 'up' ? true : undefined), 'the bus to be up');
  const remote = [...bus.controllers.values()][0]!;
  const options = { name: 'hub', remote, clock: systemTime, timers: systemTime, startingMs: 1_000 };
  return { device, bus, remote, chip: new CoprocessorChip(options), now };
}

const NO_PINS: LineBackend = {
  setDirection: () => {},
  setValue: () => {},
  getValue: () => 0,
  reset: () => {},
};

async function seqpacket(_: Finished): Promise<[driver: PacketLink, device: PacketLink]> {
  return seqpacketLinkPair(systemTime);
}

async function pty(finished: Finished): Promise<[driver: PacketLink, device: PacketLink]> {
  const directory = temporaryDirectory();
  const path = directory.join('hub');
  const listener = await listen(`pty:${path}`, systemTime);
  finished(() => listener.close().then(directory.remove));
  if (!('streams$' in listener)) throw new Error('a pty that carries no bytes');
  const serial = { role: 'device', mode: 'auto', time: systemTime, random: Math.random } as const;
  const device = new Promise<PacketLink>((resolve) => {
    listener.streams$.subscribe((stream) => resolve(new SerialLink('pty', stream, serial)));
  });
  const driver = openLink(`serial:${path}`, { time: systemTime, random: Math.random });
  return [driver, await device];
}
