import { BehaviorSubject, type Observable } from 'rxjs';
import type { RemoteGpio } from '../remote-gpio.js';
import type { BusSession } from './bus-session.js';
import { DeviceSlot, type DeviceSlotOptions } from './device-slot.js';
import type { GpioController } from './gpio-controller.js';

/** Controllers and lines of one coprocessor are bounded, whatever it says. */
export const MAX_DEVICES = 1024;
const MAX_LINES = 65_536;

export interface DeviceTableOptions
  extends Omit<DeviceSlotOptions, 'devNum' | 'name' | 'changed' | 'admits'> {
  /** Some device came up, went down, appeared or went. */
  readonly changed: () => void;
}

/** The devices of one bus by number, and the controllers among them. */
export class DeviceTable {
  /** Controllers that were described, from the first look at all devices on. */
  readonly controllers$: Observable<ReadonlyMap<number, RemoteGpio>>;

  private readonly slots = new Map<number, DeviceSlot>();
  private readonly published = new BehaviorSubject<ReadonlyMap<number, RemoteGpio>>(new Map());
  private enumerated = false;

  constructor(private readonly options: DeviceTableOptions) {
    this.controllers$ = this.published.asObservable();
  }

  get controllers(): ReadonlyMap<number, RemoteGpio> {
    return this.published.value;
  }

  /** Whether all devices were looked at, and every GPIO device among them runs. */
  get allRun(): boolean {
    return (
      this.enumerated &&
      [...this.slots.values()].every(({ state }) => state === 'running' || state === 'ignored')
    );
  }

  /** The controllers, also those that were not described yet. */
  *all(): Generator<GpioController> {
    for (const { controller } of this.slots.values()) if (controller !== undefined) yield controller;
  }

  controller(devNum: number): GpioController | undefined {
    return this.slots.get(devNum)?.controller;
  }

  /** Takes these devices on a new session, and forgets others. Resolves when each was tried once. */
  async take(session: BusSession, devices: readonly number[], resumed: boolean): Promise<void> {
    for (const devNum of [...this.slots.keys()]) if (!devices.includes(devNum)) this.remove(devNum);
    await Promise.all(
      devices.map((devNum) => {
        const slot = this.slotOf(devNum);
        if (!resumed) return slot.begin(session, 'fresh');
        return slot.begin(session, slot.controller === undefined ? 'adopt' : 'resume');
      }),
    );
    if (!session.isEstablished) return;
    this.enumerated = true;
    this.changed();
  }

  /** A device says that it is ready to be brought up, also where it is known. */
  ready(session: BusSession, devNum: number): void {
    const slot = this.slots.get(devNum);
    if (slot !== undefined && slot.state !== 'ignored') slot.reset('it says that it is ready');
    else if (slot !== undefined || this.slots.size < MAX_DEVICES)
      void this.slotOf(devNum).begin(session, 'fresh');
  }

  /** False: there is no such device. */
  reset(devNum: number, why: string): boolean {
    this.slots.get(devNum)?.reset(why);
    return this.slots.has(devNum);
  }

  /** Its configuration has this generation now. False: there is no such device. */
  configChanged(devNum: number, generation: number): boolean {
    this.slots.get(devNum)?.configChanged(generation);
    return this.slots.has(devNum);
  }

  remove(devNum: number): void {
    const slot = this.slots.get(devNum);
    if (slot === undefined) return;
    slot.stop();
    slot.controller?.remove('the coprocessor removed it');
    this.slots.delete(devNum);
    this.changed();
  }

  /** The session ended: what goes on with devices is void. */
  stop(): void {
    for (const slot of this.slots.values()) slot.stop();
  }

  close(reason: string): void {
    this.stop();
    for (const controller of this.all()) controller.remove(reason);
    this.slots.clear();
    this.published.complete();
  }

  private slotOf(devNum: number): DeviceSlot {
    let slot = this.slots.get(devNum);
    if (slot !== undefined) return slot;
    const { busName } = this.options;
    slot = new DeviceSlot(devNum, {
      ...this.options,
      devNum,
      name: () => (this.published.value.size > 1 ? `${busName}.${devNum}` : busName),
      changed: () => this.changed(),
      admits: (lineCount) => this.linesWithout(devNum) + lineCount <= MAX_LINES,
    });
    this.slots.set(devNum, slot);
    return slot;
  }

  private changed(): void {
    if (!this.enumerated) return;
    const described = [...this.all()].filter(({ description }) => description !== undefined);
    const before = this.published.value;
    if (before.size !== described.length || described.some((of) => before.get(of.devNum) !== of)) {
      this.published.next(new Map(described.map((controller) => [controller.devNum, controller])));
    }
    this.options.changed();
  }

  private linesWithout(devNum: number): number {
    let lines = 0;
    for (const of of this.all()) if (of.devNum !== devNum) lines += of.description?.lineCount ?? 0;
    return lines;
  }
}
