import type { Timers } from '../../base/clock.js';
import { type EdgeStats, newEdgeStats } from '../../device/event-line.js';
import { GpioDevice, type GpioFeatures } from '../../device/gpio-device.js';
import type { Chip } from '../../gpio/chip.js';
import type { DriverState, VhostUserDevice, VhostUserQueues } from '../../vhost-user/device.js';
import { u16 } from '../../wire/bytes.js';
import { FEATURE, REQUEST_LENGTH, REQUESTQ } from '../../wire/virtio-gpio.js';
import { ChipLines, newGuestCounters } from '../chip-lines.js';
import { KeptLines } from '../kept-lines.js';
import { RequestOrder } from '../request-order.js';
import { ToldLevels } from './told-levels.js';

/** What a guest is told of the lines. */
export interface GuestDescription {
  /** One for each line, '' for an unnamed one; 1 to 65,535 of them. */
  readonly names: readonly string[];
}

export interface GuestDeviceOptions {
  readonly description: GuestDescription;
  /** Whose requests the lines' are, as others see it. */
  readonly consumer: string;
  /** The chip as it is now; undefined while there is none. */
  readonly chip: () => Chip | undefined;
  /** As of ChipLinesOptions. */
  readonly arrived: Promise<void>;
  readonly timers: Timers;
  /** CLOCK_MONOTONIC, ns. */
  readonly nowNs: () => bigint;
  /** Time limit `guest_retry`. */
  readonly retryMs: number;
}

/** What became of a guest's requests and edges, over all guests of an export. */
export interface GuestTotals {
  /** Requests answered. */
  readonly requests: number;
  /** Sensed by the coprocessor and known here: all of the following together, and those that wait. */
  readonly edges_sensed: number;
  /** Each in a buffer of its own. */
  readonly edges_delivered: number;
  /** Told by the interrupt of another edge: the guest had no buffer queued. virtio-gpio carries no more. */
  readonly edges_coalesced: number;
  /** Of the coalesced, those that did not even get here, and were counted by the coprocessor. */
  readonly edges_lost: number;
  /** Waited, when the guest switched the interrupt off or went away. */
  readonly edges_discarded: number;
  /** Times at which edges may have been lost and nobody can say how many. */
  readonly unknown_losses: number;
  /** Requests of lines that ended without the guest's doing. */
  readonly lines_taken: number;
}

/** The specification's, and no extension: stock drivers know of none. */
const GUEST_FEATURES: GpioFeatures = { irq: true, stamp: false, queue: false, namesInConfig: false };
const IRQ = 1n << BigInt(FEATURE.IRQ);
const REQUEST_QUEUE_SIZE = 256;
const EVENT_QUEUE_SIZE = 1024;

/**
 * The virtio-gpio device that a guest sees: the model of device/ over the lines of a chip, for one
 * description of them. Requests are answered in their order; what the guest has made of its lines is kept for a
 * successor of this process.
 */
export class GuestDevice implements VhostUserDevice {
  readonly description: GuestDescription;
  readonly offeredFeatures: bigint;
  readonly maxQueueSizes: readonly number[];
  readonly config: Uint8Array;
  readonly keptLength: number;

  private readonly lines: ChipLines;
  private readonly model: GpioDevice;
  private readonly told: ToldLevels;
  private readonly counters = newGuestCounters();
  private readonly stats: readonly EdgeStats[];
  private order: RequestOrder | undefined;
  private requests = 0;

  /** Throws INVALID_ARGUMENT for a description that no virtio-gpio device can have. */
  constructor(options: GuestDeviceOptions) {
    const { description, consumer, chip, arrived, timers, nowNs, retryMs } = options;
    const { names } = description;
    this.description = description;
    this.lines = new ChipLines({
      consumer,
      names: names.map((name) => (name === '' ? undefined : name)),
      chip,
      arrived,
      counters: this.counters,
      timers,
      retryMs,
    });
    this.stats = names.map(newEdgeStats);
    this.model = new GpioDevice({
      lineCount: names.length,
      names: guestNames(names),
      features: GUEST_FEATURES,
      requestQueueSize: REQUEST_QUEUE_SIZE,
      eventQueueSize: EVENT_QUEUE_SIZE,
      backend: this.lines,
      now: () => Number(nowNs()),
      stats: this.stats,
    });
    this.told = new ToldLevels(this.model);
    this.lines.connect(this.told);
    this.offeredFeatures = this.model.offeredFeatures;
    this.maxQueueSizes = this.model.maxQueueSizes;
    this.config = this.model.config;
    this.keptLength = KeptLines.length(names.length);
  }

  /** Offsets of the lines that are requested of the chip now. */
  get requestedLines(): readonly number[] {
    return this.lines.requested;
  }

  /** Requests that wait for their answer. */
  get waitingRequests(): number {
    return this.order?.length ?? 0;
  }

  get totals(): GuestTotals {
    const sum = (of: (stats: EdgeStats) => number) =>
      this.stats.reduce((total, stats) => total + of(stats), 0);
    return {
      requests: this.requests,
      edges_sensed: sum(({ sensed }) => sensed),
      edges_delivered: sum(({ delivered }) => delivered),
      edges_coalesced: sum(({ overflowed }) => overflowed),
      edges_discarded: sum(({ discarded }) => discarded),
      ...this.counters,
    };
  }

  acceptsFeatures(features: bigint): boolean {
    return this.model.acceptsFeatures(features);
  }

  /** The interrupt feature counts as negotiated: some hypervisors offer it to the guest and never say so here. */
  start(features: bigint, queues: VhostUserQueues, driver: DriverState): void {
    const kept = new KeptLines(driver.kept, this.model.lineCount);
    this.told.kept = kept;
    const order = new RequestOrder(queues, (line) => this.answered(line));
    this.order = order;
    this.model.start(features | IRQ, order);
    if (driver.resumed) this.resume(kept);
  }

  reset(): void {
    this.order?.forget();
    this.order = undefined;
    this.told.kept = undefined;
    this.model.reset();
  }

  resetQueue(queue: number): void {
    if (queue === REQUESTQ) this.order?.forget();
    this.model.resetQueue(queue);
  }

  bufferAvailable(
    queue: number,
    id: number,
    inLength: number,
    bytes: Uint8Array,
    at: number,
    outLength: number,
  ): void {
    const hand = () => this.model.bufferAvailable(queue, id, inLength, bytes, at, outLength);
    if (queue === REQUESTQ) {
      this.order?.began(id, outLength < REQUEST_LENGTH ? -1 : u16(bytes, at + 2));
      hand();
    } else {
      this.told.arm(outLength < 2 ? this.model.lineCount : u16(bytes, at), hand);
    }
  }

  private answered(line: number): void {
    this.requests++;
    if (line < 0 || line >= this.model.lineCount) return;
    this.told.kept?.keepState(line, this.model.stateOf(line));
  }

  private resume(kept: KeptLines): void {
    for (let line = 0; line < this.model.lineCount; line++) {
      const state = kept.stateOf(line);
      if (state === undefined) continue;
      this.model.restore(line, state);
      this.lines.restore(line, state, () => this.told.kept?.toldLevel(line));
    }
  }
}

/** Names as a guest may have them: printable ASCII, each only once. What is none leaves its line unnamed. */
function guestNames(names: readonly string[]): string[] {
  const seen = new Set<string>();
  return names.map((name) => {
    if (!/^[\x20-\x7e]+$/.test(name) || seen.has(name)) return '';
    seen.add(name);
    return name;
  });
}
