import { BridgeError } from '../../src/base/errors.js';
import type { OneShotController } from '../../src/device/messages/one-shot-controller.js';
import { RpmsgGpioDevice } from '../../src/device/messages/rpmsg-gpio-device.js';
import { SrtmDevice } from '../../src/device/messages/srtm-device.js';
import type { PacketLink } from '../../src/link/packet-link.js';
import type { RpmsgGpioForm } from '../../src/wire/rpmsg-gpio.js';
import type { DeviceClock } from '../device-clock.js';
import type { Board, BootParts, Firmware } from './firmware.js';

/** The part of a device that firmware has whatever its messages are. */
interface MessageDevice {
  readonly greeted: boolean;
  attach(link: PacketLink): void;
  detach(): void;
}

/** Firmware of a dialect without queues: single messages, and interrupts that mask themselves. */
export class MessageFirmware implements Firmware {
  readonly bootId: number;
  readonly clock: DeviceClock;
  private readonly canWake: boolean;

  private constructor(
    board: Board,
    parts: BootParts,
    private readonly device: MessageDevice,
    /** By controller, from 0. */
    private readonly controllers: readonly OneShotController[],
  ) {
    this.bootId = parts.bootId;
    this.clock = parts.clock;
    const { dialect, features } = board.options;
    this.canWake = features.wakeup && dialect !== 'rpmsg-gpio';
    board.pins.forEach((of, i) => {
      of.connect(controllers[i]!);
    });
  }

  /** Throws INVALID_ARGUMENT. */
  static rpmsgGpio(board: Board, parts: BootParts, form: RpmsgGpioForm): MessageFirmware {
    const { options, pins, stats, busCounters: counters, beforeMessages } = board;
    if (options.controllers > 1) {
      throw new BridgeError(
        'INVALID_ARGUMENT',
        `${options.controllers} controllers: ${form} has one on a channel`,
      );
    }
    const device = new RpmsgGpioDevice({
      form,
      lineCount: options.lines,
      backend: pins[0]!,
      stats: stats[0]!,
      features: options.features,
      counters,
      beforeMessages,
    });
    return new MessageFirmware(board, parts, device, [device.controller]);
  }

  /** Ports are numbered from 0: controller 1 is port 0. Throws INVALID_ARGUMENT. */
  static srtm(board: Board, parts: BootParts): MessageFirmware {
    const { options, pins, stats, busCounters: counters, beforeMessages } = board;
    const device = new SrtmDevice({
      ports: new Map(pins.map((of, i) => [i, { backend: of, stats: stats[i]! }])),
      lineCount: options.lines,
      features: options.features,
      counters,
      beforeMessages,
    });
    return new MessageFirmware(board, parts, device, [...device.controllers.values()]);
  }

  get driverOk(): boolean {
    return this.device.greeted;
  }

  attach(link: PacketLink): void {
    this.device.attach(link);
  }

  detach(): void {
    this.device.detach();
  }

  keptOf(controller: number, line: number): number {
    return this.controllers[controller]!.keptOf(line);
  }

  wakesUp(controller: number, line: number): boolean | undefined {
    return this.canWake ? this.controllers[controller]!.wakesUp(line) : undefined;
  }

  log(): void {}

  failController(): void {
    throw new BridgeError('NOT_SUPPORTED', 'this dialect has no message that says that a controller failed');
  }

  stop(): void {
    this.device.detach();
    for (const controller of this.controllers) controller.reset();
  }
}
