import { type CoprocessorOptions, SimulatedCoprocessor } from '../../../firmware-sim/index.js';
import { temporaryDirectory } from '../../support/program.js';
import { EdgeWatch } from './edge-watch.js';
import type { Guest } from './guest.js';
import type { GuestProcess } from './guest-process.js';
import { type KernelLab, kernelLab } from './kernel-lab.js';
import { recoveryMs } from './recovery.js';

const MODULES = ['rpmsg_char', 'rpmsg_ctrl', 'rpmsg_ns', 'virtio_rpmsg_bus'];
const CONFIG = '/run/gpiobridge.toml';
/** A simulated coprocessor, which runs in the test, and how the guest's daemon is to reach it. */
export interface RemoteCoprocessor {
  readonly simulated?: CoprocessorOptions;
  /** URL of the daemon's link. */
  readonly link: string;
  /** Further keys of the daemon's `[[coprocessor]]`. */
  readonly config?: string;
}

/** The only coprocessor of most tests, and its chip. */
export const HUB = 'hub';

/** Simulated coprocessors as remote processors of a guest, and the daemon in it. */
export class RpmsgLab {
  private constructor(
    private readonly folder: ReturnType<typeof temporaryDirectory>,
    private readonly coprocessors: ReadonlyMap<string, SimulatedCoprocessor>,
    readonly kernel: KernelLab,
    readonly daemon: GuestProcess,
  ) {}

  /** Boots the guest, and resolves when every chip is there; they are called as the coprocessors here. */
  static async boot(remotes: Readonly<Record<string, RemoteCoprocessor>>): Promise<RpmsgLab> {
    const folder = temporaryDirectory();
    const coprocessors = new Map<string, SimulatedCoprocessor>();
    let kernel: KernelLab | undefined;
    try {
      const devices = [];
      for (const [name, { simulated }] of Object.entries(remotes)) {
        const coprocessor = new SimulatedCoprocessor(simulated);
        coprocessors.set(name, coprocessor);
        const socket = folder.join(name);
        await coprocessor.listen(`vhost-user-rpmsg:${socket}`);
        devices.push({ kind: 'rpmsg', socket } as const);
      }
      kernel = await kernelLab({ devices, modules: MODULES });
      const daemon = await startDaemon(kernel.guest, remotes);
      return new RpmsgLab(folder, coprocessors, kernel, daemon);
    } catch (error) {
      await kernel?.machine.stop();
      await end(coprocessors, folder);
      throw error;
    }
  }

  get guest(): Guest {
    return this.kernel.guest;
  }

  coprocessor(name = HUB): SimulatedCoprocessor {
    return this.coprocessors.get(name)!;
  }

  /** Watches lines of a chip in the guest. */
  watch(offsets: readonly number[], chip = HUB, every?: number): Promise<EdgeWatch> {
    return EdgeWatch.start(this.guest, chip, offsets, every);
  }

  /** How long the chip of a service took, after the last announcement of that, to be up again; it is watched. */
  async recoveryMs(service: string, chip = HUB): Promise<number> {
    return recoveryMs(await this.guest.dmesg(), service, chip);
  }

  async stop(): Promise<void> {
    await this.kernel.stop().finally(() => end(this.coprocessors, this.folder));
  }
}

async function end(
  coprocessors: ReadonlyMap<string, SimulatedCoprocessor>,
  folder: ReturnType<typeof temporaryDirectory>,
): Promise<void> {
  for (const coprocessor of coprocessors.values()) await coprocessor.close();
  folder.remove();
}

async function startDaemon(
  guest: Guest,
  remotes: Readonly<Record<string, RemoteCoprocessor>>,
): Promise<GuestProcess> {
  const tables = Object.entries(remotes).map(
    ([name, { link, config = '' }]) => `[[coprocessor]]\nname = "${name}"\nlink = "${link}"\n${config}\n`,
  );
  await guest.write(CONFIG, tables.join('\n'));
  const daemon = guest.start(['gpiobridge', 'daemon', '--config', CONFIG]);
  for (const name of Object.keys(remotes))
    await daemon.waitFor(new RegExp(`event=chip_added coprocessor=${name} `));
  return daemon;
}
