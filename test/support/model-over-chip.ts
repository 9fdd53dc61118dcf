import { GpioDevice, type GpioFeatures } from '../../src/device/gpio-device.js';
import type { LevelBit } from '../../src/device/line-backend.js';
import { ChipLines, newGuestCounters } from '../../src/export/chip-lines.js';
import type { Chip } from '../../src/gpio/chip.js';
import { CoprocessorChip } from '../../src/gpio/coprocessor-chip.js';
import { EVENTQ, encodeGpioRequest, FEATURE, REQUESTQ, RESPONSE_LENGTH } from '../../src/wire/virtio-gpio.js';
import { DriverRig, type RigOptions } from '../driver/driver-rig.js';

/** Turns of the loop without anything on the link: nothing is under way any more. */
const QUIET_TURNS = 4;

export interface ReturnedBuffer {
  readonly queue: number;
  readonly id: number;
  readonly bytes: Uint8Array;
}

export interface ModelOverChipOptions extends RigOptions {
  readonly lines: number;
  readonly names: readonly string[];
  readonly features?: GpioFeatures;
  readonly eventDepth?: number;
  /** As of ChipLinesOptions; by default the chip is there. */
  readonly arrived?: Promise<void>;
  /** As `on_restart = "release"`. */
  readonly endsRequestsOnRestart?: boolean;
}

/** What a guest is offered. */
const PLAIN: GpioFeatures = { irq: true, stamp: false, queue: false, namesInConfig: false };

/**
 * The device model as a guest gets it: over the lines of a chip, over the driver, over a link in memory,
 * over the simulated coprocessor. Time by hand.
 */
export class ModelOverChip {
  readonly rig: DriverRig;
  chip: Chip | undefined;
  readonly counters = newGuestCounters();
  readonly backend: ChipLines;
  readonly device: GpioDevice;
  readonly returned: ReturnedBuffer[] = [];
  private lastId = 0;
  private clock = 0;

  static async open(options: ModelOverChipOptions): Promise<ModelOverChip> {
    const { lines, names } = options;
    const rig = new DriverRig({ ...options, coprocessor: { lines, names, ...options.coprocessor } });
    const remote = await rig.up();
    const { time } = rig;
    const chip = new CoprocessorChip({
      name: 'hub',
      remote,
      clock: time,
      timers: time,
      startingMs: 1_000,
      onRestart: options.endsRequestsOnRestart === true ? 'release' : 'restore',
    });
    return new ModelOverChip(rig, chip, options);
  }

  private constructor(rig: DriverRig, chip: Chip, options: ModelOverChipOptions) {
    const { lines, names, features = PLAIN, eventDepth, arrived = Promise.resolve() } = options;
    this.rig = rig;
    this.chip = chip;
    this.backend = new ChipLines({
      consumer: 'vm:test',
      names: Array.from({ length: lines }, (_, line) => names[line] || undefined),
      chip: () => this.chip,
      arrived,
      counters: this.counters,
      timers: rig.time,
      retryMs: 100,
    });
    this.device = new GpioDevice({
      lineCount: lines,
      names,
      features,
      backend: this.backend,
      now: () => ++this.clock,
      ...(eventDepth === undefined ? {} : { eventDepth }),
    });
    this.backend.connect(this.device);
  }

  /** DRIVER_OK. */
  start(features: readonly number[] = [FEATURE.IRQ]): void {
    const mask = features.reduce((bits, feature) => bits | (1n << BigInt(feature)), 1n << 32n);
    this.device.start(mask, {
      maxReturn: 1000,
      canReturnEvent: () => true,
      returnBuffer: (queue, id, bytes) => this.returned.push({ queue, id, bytes: bytes.slice() }),
    });
  }

  /** The guest's hypervisor hangs up and is back: the guest knows of nothing. Its buffers would come again. */
  loseGuest(
    features?: readonly number[],
    told: (line: number) => LevelBit | undefined = () => undefined,
  ): void {
    const states = Array.from({ length: this.device.lineCount }, (_, line) => this.device.stateOf(line));
    this.device.reset();
    this.returned.length = 0;
    this.start(features);
    for (const [line, state] of states.entries()) {
      this.device.restore(line, state);
      this.backend.restore(line, state, () => told(line));
    }
  }

  available(queue: number, out: Uint8Array, inLength: number, id = this.nextId()): number {
    this.device.bufferAvailable(queue, id, inLength, out, 0, out.length);
    return id;
  }

  nextId(): number {
    return ++this.lastId;
  }

  request(type: number, line: number, value = 0): number {
    return this.available(REQUESTQ, encodeGpioRequest(type, line, value), RESPONSE_LENGTH);
  }

  /** The answer to one request: status and value. */
  async ask(type: number, line: number, value = 0): Promise<number[]> {
    const id = this.request(type, line, value);
    await this.settle();
    const answer = this.returned.find((buffer) => buffer.queue === REQUESTQ && buffer.id === id);
    if (answer === undefined) throw new Error(`request ${type} of line ${line} was not answered`);
    return [...answer.bytes];
  }

  /** Queues an event buffer of the line. */
  arm(line: number): number {
    return this.available(EVENTQ, Uint8Array.of(line & 0xff, line >> 8), 1);
  }

  /** Ids and validity of the event buffers that came back, all of them. */
  async events(): Promise<[number, boolean][]> {
    await this.settle();
    return this.returned.filter(({ queue }) => queue === EVENTQ).map(({ id, bytes }) => [id, bytes[0] === 1]);
  }

  /** Lets everything that is under way arrive; time stands still. */
  async settle(): Promise<void> {
    const passed = () => Object.values(this.rig.link.counters).reduce((sum, count) => sum + count, 0);
    for (let quiet = 0; quiet < QUIET_TURNS; quiet++) {
      const before = passed();
      await this.rig.settle(1);
      if (passed() !== before) quiet = 0;
    }
  }

  async close(): Promise<void> {
    this.device.reset();
    await this.settle();
    await this.rig.close();
  }
}
