import { GpioDevice } from '../../src/device/gpio-device.js';
import {
  VirtioMsgDeviceBus,
  type VirtioMsgDeviceBusOptions,
} from '../../src/device/virtio-msg/bus-device.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { STATUS } from '../../src/wire/virtio-gpio.js';
import { HandTime } from '../conformance/hand-time.js';
import { RawDriver } from '../conformance/raw-driver.js';

export const BOOT_ID = 0xb007;
export const ALL = (1n << 64n) - 1n;
export const UP = STATUS.ACKNOWLEDGE | STATUS.DRIVER | STATUS.FEATURES_OK;
export const bit = (feature: number) => 1n << BigInt(feature);

/** What a rig may differ in. */
export interface RigOptions extends Partial<VirtioMsgDeviceBusOptions> {
  readonly devNums?: readonly number[];
  readonly maxPacket?: number;
  readonly queue?: number;
  readonly names?: readonly string[];
}

/** A bus of devices with eight lines each, and a driver by hand at the other end. */
export function rig({
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
export async function running(options: RigOptions = {}) {
  const made = rig(options);
  await made.driver.hello();
  await made.driver.bringUp(ALL);
  return made;
}

export const turn = () => new Promise((resolve) => setImmediate(resolve));
