import { randomInt } from 'node:crypto';
import { BridgeError } from '../src/base/errors.js';
import { defaultNames } from './default-names.js';
import { ALL_FEATURES, type SimulatedDialect, type SimulatedFeatures } from './dialect.js';
import type { Fault } from './fault.js';
import { checkServices, DEFAULT_SERVICE } from './remote-processor/services.js';
import type { Stimulus } from './stimulus.js';

export interface CoprocessorOptions {
  /** What it speaks; virtio-msg by default. */
  readonly dialect?: SimulatedDialect;
  /** Lines of each controller, 1..65535; 32 by default. */
  readonly lines?: number;
  /**
   * Virtio devices on the bus, numbered from 1; 1 by default, at most 1024. With srtm the ports of
   * the channel, port 0 first, at most 256; with rpmsg-gpio 1.
   */
  readonly controllers?: number;
  /**
   * Names of the lines of controller 1, then of 2 and so on; '' is unnamed, missing ones are too.
   * By default those of a sensor hub.
   */
  readonly names?: readonly string[];
  /** All that the dialect knows by default; where some are given, those left out go with the ones they need. */
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
  /** As a remote processor: the names of its rpmsg channels, which all lead to this firmware; `rpmsg-raw` by default. */
  readonly services?: readonly string[];
  /** Serial links speak PLAIN: one frame a message, damage is not repaired. */
  readonly plain?: boolean;
  /** Serial links are as slow as a line of so many bits a second, 50 to 20,000,000; by default as fast as they go. */
  readonly baud?: number;
  /** Edges of the world outside, from the start on. */
  readonly stimuli?: readonly Stimulus[];
  /** What goes wrong by itself; the last of a kind counts. */
  readonly faults?: readonly Fault[];
  /** Of the random stimuli and faults; any integer. By default another one each time. */
  readonly seed?: number;
}

/** The options with every default in place; checked. */
export interface ResolvedOptions extends CoprocessorOptions {
  readonly dialect: SimulatedDialect;
  readonly lines: number;
  readonly controllers: number;
  readonly features: Required<SimulatedFeatures>;
  readonly ident: string;
  readonly services: readonly string[];
  readonly plain: boolean;
  readonly stimuli: readonly Stimulus[];
  readonly faults: readonly Fault[];
  readonly seed: number;
  /** By controller (from 0) and offset. */
  readonly namesByController: readonly (readonly string[])[];
}

const DEFAULT_LINES = 32;
const MAX_LINES = 65_535;
const MAX_CONTROLLERS = 1024;
const MIN_BAUD = 50;
const MAX_BAUD = 20_000_000;
const DEFAULT_IDENT = 'gpiobridge-sim 1.0';
/** The names block of one controller in one message: what every channel carries at its best. */
const LARGEST_NAMES_MESSAGE = 1024;
const NAMES_OVERHEAD = 17;

/** Throws INVALID_ARGUMENT, saying which option and what would do. */
export function resolveOptions(options: CoprocessorOptions): ResolvedOptions {
  const { dialect = 'virtio-msg', lines = DEFAULT_LINES, controllers = 1 } = options;
  const { services = [DEFAULT_SERVICE] } = options;
  checkServices(services);
  inRange('lines', lines, MAX_LINES);
  inRange('controllers', controllers, MAX_CONTROLLERS);
  if (options.baud !== undefined) inRange('baud', options.baud, MAX_BAUD, MIN_BAUD);
  const namesByController = namesOf(options.names, lines, controllers);
  const features = featuresOf(options.features ?? ALL_FEATURES, namesByController);
  if (dialect === 'virtio-msg' && features.stamp && options.busFeatures?.time === false) {
    throw new BridgeError('INVALID_ARGUMENT', "feature 'stamp' needs the bus feature 'time': offer both");
  }
  return {
    ...options,
    dialect,
    lines,
    controllers,
    features,
    ident: options.ident ?? DEFAULT_IDENT,
    services,
    plain: options.plain ?? false,
    stimuli: options.stimuli ?? [],
    faults: options.faults ?? [],
    seed: options.seed ?? randomInt(0x1_0000_0000),
    namesByController,
  };
}

function inRange(what: string, value: number, max: number, min = 1): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new BridgeError('INVALID_ARGUMENT', `${what} is ${value}: give a number from ${min} to ${max}`);
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

function featuresOf(
  given: SimulatedFeatures,
  names: readonly (readonly string[])[],
): Required<SimulatedFeatures> {
  const {
    irq,
    stamp = irq,
    queue = stamp,
    latch = true,
    wakeup = true,
    directionGet = true,
    padding = true,
  } = given;
  const namesInConfig = given.namesInConfig ?? (stamp || queue || !fitMessage(names));
  return { irq, stamp, queue, namesInConfig, latch, wakeup, directionGet, padding };
}

/** Whether the names of each controller fit into one message. */
function fitMessage(names: readonly (readonly string[])[]): boolean {
  const longest = Math.max(...names.map((of) => of.reduce((size, name) => size + name.length + 1, 0)));
  return NAMES_OVERHEAD + longest <= LARGEST_NAMES_MESSAGE;
}
