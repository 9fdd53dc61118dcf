import { GpioDevice } from '../../src/device/gpio-device.js';
import { VirtioMsgDeviceBus } from '../../src/device/virtio-msg/bus-device.js';
import type { PacketLink } from '../../src/link/packet-link.js';
import type { DeviceClock } from '../device-clock.js';
import type { Board, BootParts, Firmware } from './firmware.js';

/** Firmware that speaks virtio-msg: a bus with a virtio-gpio device for each controller. */
export class VirtioMsgFirmware implements Firmware {
  readonly bootId: number;
  readonly clock: DeviceClock;
  private readonly devices: readonly GpioDevice[];
  private readonly bus: VirtioMsgDeviceBus;

  /** Throws INVALID_ARGUMENT. */
  constructor(board: Board, { bootId, clock }: BootParts) {
    this.bootId = bootId;
    this.clock = clock;
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

  get driverOk(): boolean {
    return this.bus.driverOk;
  }

  attach(link: PacketLink): void {
    this.bus.attach(link);
  }

  detach(): void {
    this.bus.detach();
  }

  keptOf(controller: number, line: number): number {
    return this.devices[controller]!.keptOf(line);
  }

  wakesUp(): undefined {}

  log(level: number, text: string): void {
    this.bus.log(level, text);
  }

  failController(controller: number): void {
    this.bus.failDevice(controller);
  }

  stop(): void {
    this.bus.detach();
    for (const device of this.devices) device.reset();
  }
}
