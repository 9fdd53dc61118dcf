import type { EdgeStats } from '../../src/device/event-line.js';
import type { PacketLink } from '../../src/link/packet-link.js';
import type { DeviceClock } from '../device-clock.js';
import type { ResolvedOptions } from '../options.js';
import type { SimulatedPins } from '../pins.js';

/** What a boot of the firmware finds: hardware that outlives it. */
export interface Board {
  readonly options: ResolvedOptions;
  /** By controller, from 0. */
  readonly pins: readonly SimulatedPins[];
  /** By controller and line; they go on counting. */
  readonly stats: readonly (readonly EdgeStats[])[];
  /** Messages by kind and fate, of all boots. */
  readonly busCounters: Record<string, number>;
  /** World time, ns. */
  readonly now: () => number;
  /** World time of a moment of CLOCK_MONOTONIC. */
  readonly arrivalTime: (arrivedNs: bigint) => number;
  readonly beforeMessages: () => void;
}

/** One boot of the simulated firmware, whatever it speaks: its devices, its channel, its clock from 0. */
export interface Firmware {
  /** Never 0. A dialect that has no such number does not tell it. */
  readonly bootId: number;
  readonly clock: DeviceClock;
  /** Whether a driver has brought up, or has spoken to, all that there is. */
  readonly driverOk: boolean;
  /** Serves a link, in place of the one before. */
  attach(link: PacketLink): void;
  /** Leaves the link. */
  detach(): void;
  /** Edges of a line that wait in the firmware. `controller` counts from 0. */
  keptOf(controller: number, line: number): number;
  /** Whether a line may wake the system up; undefined where the dialect knows nothing of that. */
  wakesUp(controller: number, line: number): boolean | undefined;
  /** The firmware says something; `level` as syslog's. Nothing where its dialect has no such message. */
  log(level: number, text: string): void;
  /** A controller, numbered from 1, fails. Throws NOT_SUPPORTED where its dialect cannot say so. */
  failController(controller: number): void;
  /** The end of this boot: all its state is lost, and the pins are as after power-up. */
  stop(): void;
}

/** What a boot has of its own. */
export interface BootParts {
  readonly bootId: number;
  readonly clock: DeviceClock;
}
