import { randomInt } from 'node:crypto';
import { BridgeError } from '../src/base/errors.js';
import { defaultNames } from './default-names.js';
import type { Fault } from './fault.js';
import type { Stimulus } from './stimulus.js';

/** Optional parts of the protocol that a simulated coprocessor offers. */
export interface SimulatedFeatures {
  /** Interrupts (VIRTIO_GPIO_F_IRQ). */
  readonly irq: boolean;
  /** Edges carry a number, the level and the device's time (VIRTIO_GPIO_F_EVENT_STAMP). Needs irq. */
  readonly stamp: boolean;
  /** Several event buffers and kept edges for a line (VIRTIO_GPIO_F_EVENT_QUEUE). Needs stamp. */
  readonly queue: boolean;
  /**
   * Names in the configuration space (VIRTIO_GPIO_F_NAMES_IN_CONFIG). By default with any of the
   * other extensions, and where the names fit into no message.
   */
  readonly namesInConfig?: boolean;
}

export interface CoprocessorOptions {
  /** Lines of each controller, 1..65535; 32 by default. */
  readonly lines?: number;
  /** Virtio devices on the bus, numbered from 1; 1 by default, at most 1024. */
  readonly controllers?: number;
  /**
   * Names of the lines of controller 1, then of 2 and so on; '' is unnamed, missing ones are too.
   * By default those of a sensor hub.
   */
  readonly names?: readonly string[];
  /** All by default. */
  readonly features?: SimulatedFeatures;
  /** Buffers and kept edges of a line with `queue`, 1..1024; 1024 by default. */
  readonly eventDepth?: number;
  /** Largest queues the driver may set up. */
  readonly requestQueueSize?: number;
  readonly eventQueueSize?: number;
  /** Firmware name and version, up to 32 ASCII characters. */
  readonly ident?: string;
  /** The largest message it takes, bytes; by default what the channel carries. */
  readonly maxMsgSize?: number;
  /** F_TIME, F_LOG and F_RESUME; all by default. */
  readonly busFeatures?: { readonly time?: boolean; readonly log?: boolean; readonly resume?: boolean };
  /** Edges of the world outside, from the start on. */
  readonly stimuli?: readonly Stimulus[];
  /** What goes wrong by itself; the last of a kind counts. */
  readonly faults?: readonly Fault[];
  /** Of the random stimuli and faults; any integer. By default another one each time. */
  readonly seed?: number;
}

/** The options with every default in place; checked. */
export interface ResolvedOptions extends CoprocessorOptions {
  readonly lines: number;
  readonly controllers: number;
  readonly features: Required<SimulatedFeatures>;
  readonly ident: string;
  readonly stimuli: readonly Stimulus[];
  readonly faults: readonly Fault[];
  readonly seed: number;
  /** By controller (from 0) and offset. */
  readonly namesByController: readonly (readonly string[])[];
}

export const ALL_FEATURES: SimulatedFeatures = { irq: true, stamp: true, queue: true };
const DEFAULT_LINES = 32;
const MAX_LINES = 65_535;
const MAX_CONTROLLERS = 1024;
const DEFAULT_IDENT = 'gpiobridge-sim 1.0';
/** The names block of one controller in one message: what every channel carries at its best. */
const LARGEST_NAMES_MESSAGE = 1024;
const NAMES_OVERHEAD = 17;

/** Throws INVALID_ARGUMENT, saying which option and what would do. */
export function resolveOptions(options: CoprocessorOptions): ResolvedOptions {
  const { lines = DEFAULT_LINES, controllers = 1, features = ALL_FEATURES } = options;
  inRange('lines', lines, MAX_LINES);
  inRange('controllers', controllers, MAX_CONTROLLERS);
  if (features.stamp && options.busFeatures?.time === false) {
    throw new BridgeError('INVALID_ARGUMENT', "feature 'stamp' needs the bus feature 'time': offer both");
  }
  const namesByController = namesOf(options.names, lines, controllers);
  return {
    ...options,
    lines,
    controllers,
    features: {
      ...features,
      namesInConfig: features.namesInConfig ?? wantsNames(features, namesByController),
    },
    ident: options.ident ?? DEFAULT_IDENT,
    stimuli: options.stimuli ?? [],
    faults: options.faults ?? [],
    seed: options.seed ?? randomInt(0x1_0000_0000),
    namesByController,
  };
}

function inRange(what: string, value: number, max: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= max) return;
  throw new BridgeError('INVALID_ARGUMENT', `${what} is ${value}: give a number from 1 to ${max}`);
}

function namesOf(names: readonly string[] | undefined, lines: number, controllers: number): string[][] {
  const numbers = Array.from({ length: controllers }, (_, i) => i + 1);
  if (names === undefined) return numbers.map((controller) => defaultNames(lines, controller));
  if (names.length > lines * controllers) {
    throw new BridgeError(
      'INVALID_ARGUMENT',
      `${names.length} names for ${lines * controllers} lines: leave some out, or give more lines`,
    );
  }
  return numbers.map((controller) => names.slice((controller - 1) * lines, controller * lines));
}

function wantsNames(features: SimulatedFeatures, names: readonly (readonly string[])[]): boolean {
  if (features.stamp || features.queue) return true;
  const longest = Math.max(...names.map((of) => of.reduce((size, name) => size + name.length + 1, 0)));
  return NAMES_OVERHEAD + longest > LARGEST_NAMES_MESSAGE;
}
