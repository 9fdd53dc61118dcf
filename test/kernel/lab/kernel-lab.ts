import { Guest } from './guest.js';
import { Machine } from './machine.js';
import { deviceId, deviceProperties, type MachineOptions, type VhostUserDevice } from './qemu-options.js';
import { Qmp } from './qmp.js';

/** Bits of /proc/sys/kernel/tainted: the kernel died (D, 7), warned (W, 9), or a lockup was seen (L, 14). */
const TROUBLE = (1 << 7) | (1 << 9) | (1 << 14);

export interface KernelLabOptions {
  /** Devices that the test plays over vhost-user; their backends listen already. */
  readonly devices?: readonly VhostUserDevice[];
  /** Modules to load, each with what it needs. */
  readonly modules?: readonly string[];
  readonly memoryMb?: number;
  readonly cpus?: number;
}

/** A real kernel for a test: a guest booted once for a file, and what the test does to it from outside. */
export class KernelLab {
  private qmp: Promise<Qmp> | undefined;

  private constructor(
    readonly machine: Machine,
    readonly guest: Guest,
  ) {}

  /** Boots a guest; a few seconds. */
  static async boot({ devices = [], modules = [], memoryMb = 512, cpus = 1 }: KernelLabOptions = {}) {
    const options: MachineOptions = { devices, memoryMb, cpus };
    const machine = Machine.start(options);
    try {
      const guest = await Guest.booted(machine);
      if (modules.length > 0) await guest.load(...modules);
      return new KernelLab(machine, guest);
    } catch (error) {
      await machine.stop();
      throw error;
    }
  }

  /** Ends the guest. Rejects when its kernel had warned, so that no test passes over that. */
  async stop(): Promise<void> {
    try {
      if (this.machine.fate === undefined) await this.mustBeSound();
    } finally {
      if (this.qmp !== undefined) (await this.qmp).close();
      await this.machine.stop();
    }
  }

  /** Rejects, with the kernel's words, when the kernel warned of a defect or hung. */
  async mustBeSound(): Promise<void> {
    const tainted = Number(await this.guest.must('cat /proc/sys/kernel/tainted'));
    if ((tainted & TROUBLE) === 0) return;
    throw new Error(`the guest's kernel complains (tainted ${tainted}):\n${await this.guest.dmesg()}`);
  }

  /** Unplugs a device, as the guest's ACPI knows it, and waits until the guest let go of it. */
  async unplug(index: number): Promise<void> {
    const qmp = await this.monitor();
    await qmp.execute('device_del', { id: deviceId(index) });
    await qmp.deviceEvent('DEVICE_DELETED', deviceId(index));
  }

  /** Plugs in again what was unplugged. */
  async plug(index: number): Promise<void> {
    const qmp = await this.monitor();
    await qmp.execute('device_add', deviceProperties(index));
  }

  /** QEMU's machine protocol. */
  monitor(): Promise<Qmp> {
    this.qmp ??= Qmp.connect(this.machine.qmpSocket);
    return this.qmp;
  }
}

/** Boots a guest for a test file: `const lab = await kernelLab({ modules: ['gpio-sim'] })` in beforeAll. */
export const kernelLab = KernelLab.boot;
