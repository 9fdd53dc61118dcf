import type { EdgeStats } from '../src/device/event-line.js';
import { GpioDevice } from '../src/device/gpio-device.js';
import { VirtioMsgDeviceBus } from '../src/device/virtio-msg/bus-device.js';
import type { BusCounters } from '../src/device/virtio-msg/counters.js';
import type { DeviceClock } from './device-clock.js';
import type { ResolvedOptions } from './options.js';
import type { SimulatedPins } from './pins.js';

/** What a boot of the firmware finds: hardware that outlives it. */
export interface Board {
  readonly options: ResolvedOptions;
  /** By controller, from 0. */
  readonly pins: readonly SimulatedPins[];
  /** By controller and line; they go on counting. */
  readonly stats: readonly (readonly EdgeStats[])[];
  readonly busCounters: BusCounters;
  /** World time, ns. */
  readonly now: () => number;
  /** World time of a moment of CLOCK_MONOTONIC. */
  readonly arrivalTime: (arrivedNs: bigint) => number;
  readonly beforeMessages: () => void;
}

/** One boot of the simulated firmware: its devices, its bus, its clock from 0. */
export class Firmware {
  readonly devices: readonly GpioDevice[];
  readonly bus: VirtioMsgDeviceBus;

  constructor(
    board: Board,
    readonly bootId: number,
    readonly clock: DeviceClock,
  ) {
    const { options, pins, stats } = board;
    const now = () => clock.at(board.now());
    this.devices = pins.map(
      (of, i) =>
        new GpioDevice({
          lineCount: options.lines,
          names: options.namesByController[i]!,
          features: options.features,
          ...(options.eventDepth === undefined ? {} : { eventDepth: options.eventDepth }),
          ...(options.requestQueueSize === undefined ? {} : { requestQueueSize: options.requestQueueSize }),
          ...(options.eventQueueSize === undefined ? {} : { eventQueueSize: options.eventQueueSize }),
          backend: of,
          stats: stats[i]!,
          now,
        }),
    );
    this.bus = new VirtioMsgDeviceBus({
      devices: new Map(this.devices.map((device, i) => [i + 1, device])),
      bootId,
      ident: options.ident,
      now,
      arrivalTime: (arrivedNs) => Math.max(0, clock.at(board.arrivalTime(arrivedNs))),
      ...(options.busFeatures === undefined ? {} : { features: options.busFeatures }),
      ...(options.maxMsgSize === undefined ? {} : { maxMsgSize: options.maxMsgSize }),
      beforeMessages: board.beforeMessages,
      counters: board.busCounters,
    });
    pins.forEach((of, i) => {
      of.connect(this.devices[i]!);
    });
  }

  /** The end of this boot: all its state is lost, and the pins are as after power-up. */
  stop(): void {
    this.bus.detach();
    for (const device of this.devices) device.reset();
  }
}
