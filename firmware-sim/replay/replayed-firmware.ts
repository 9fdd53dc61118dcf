import { GpioDevice } from '../../src/device/gpio-device.js';
import { VirtioMsgDeviceBus } from '../../src/device/virtio-msg/bus-device.js';
import type { PlannedBoot } from './plan.js';
import { ReplayedLines } from './replayed-lines.js';
import { keyOf } from './script.js';

export interface ReplayedFirmwareOptions {
  readonly boot: PlannedBoot;
  /** Never 0, and another one than any boot before. */
  readonly bootId: number;
  /** The device clock, ns. */
  readonly now: () => number;
  /** The device clock at a moment of CLOCK_MONOTONIC. */
  readonly arrivalTime: (arrivedNs: bigint) => number;
  /** The driver enabled an interrupt. */
  readonly enabled: () => void;
}

interface Controller {
  readonly device: GpioDevice;
  readonly lines: ReplayedLines;
}

/** One boot of the recorded firmware: what it described of itself, as devices that the script plays on. */
export class ReplayedFirmware {
  readonly bus: VirtioMsgDeviceBus;
  private readonly controllers = new Map<number, Controller>();
  /** How often each line was enabled in the trace, up to here. */
  private readonly enables = new Map<number, number>();
  private readonly boot: PlannedBoot;

  constructor(options: ReplayedFirmwareOptions) {
    const { boot, bootId, now, arrivalTime, enabled } = options;
    this.boot = boot;
    const { description } = boot;
    for (const [devNum, of] of description.controllers) {
      const lines = new ReplayedLines(of.lineCount, enabled);
      const device = new GpioDevice({
        lineCount: of.lineCount,
        names: of.names,
        features: of.features,
        ...(of.eventDepth === undefined ? {} : { eventDepth: of.eventDepth }),
        ...(of.requestQueueSize === undefined ? {} : { requestQueueSize: of.requestQueueSize }),
        ...(of.eventQueueSize === undefined ? {} : { eventQueueSize: of.eventQueueSize }),
        backend: lines,
        now,
      });
      lines.connect(device);
      this.controllers.set(devNum, { device, lines });
    }
    for (const [key, levels] of boot.levels) this.showLevel(key, levels[0]);
    this.bus = new VirtioMsgDeviceBus({
      devices: new Map([...this.controllers].map(([devNum, { device }]) => [devNum, device])),
      bootId,
      ident: description.ident,
      now,
      arrivalTime,
      features: description.busFeatures,
      maxMsgSize: description.maxMsgSize,
    });
  }

  /** Undefined for a line that the description does not have. */
  lines(devNum: number, line: number): ReplayedLines | undefined {
    const controller = this.controllers.get(devNum);
    return controller !== undefined && line < controller.device.lineCount ? controller.lines : undefined;
  }

  isEnabled(devNum: number, line: number): boolean {
    return this.controllers.get(devNum)!.device.interruptTypeOf(line) !== 0;
  }

  /** Whether nothing of the line waits for a buffer or for the channel. */
  isSettled(devNum: number, line: number): boolean {
    return this.controllers.get(devNum)!.device.isSettled(line);
  }

  /** The trace enables an interrupt here. */
  recordedEnable(devNum: number, line: number, type: number): void {
    const key = keyOf(devNum, line);
    this.enables.set(key, (this.enables.get(key) ?? 0) + 1);
    this.lines(devNum, line)?.recordedEnable(line, type);
  }

  /** The trace disables an interrupt here; whoever enables it next finds the level of then. */
  recordedDisable(devNum: number, line: number): void {
    const key = keyOf(devNum, line);
    this.lines(devNum, line)?.recordedDisable(line);
    this.showLevel(key, this.boot.levels.get(key)?.[this.enables.get(key) ?? 0]);
  }

  /** The end of this boot. */
  stop(): void {
    this.bus.detach();
  }

  private showLevel(key: number, level: number | undefined): void {
    const line = key & 0xffff;
    if (level !== undefined) this.lines(Math.floor(key / 0x1_0000), line)?.setLevel(line, level);
  }
}
