import type { BackendCounters } from './counters.js';
import type { VhostUserDevice, VhostUserQueues } from './device.js';
import type { DeviceRecord, RingIdentity } from './inflight/device-record.js';
import type { InflightMemory } from './inflight/inflight-memory.js';
import type { InflightQueue } from './inflight/inflight-queue.js';
import type { GuestMemory } from './memory/guest-memory.js';
import { SplitRing } from './ring/split-ring.js';
import type { Vring } from './vring.js';

/** What a run tells of. */
export interface DriverEvents {
  /** A driver uses the device, from the first of its queues on; undefined: none does any more. */
  driver(features: bigint | undefined): void;
  broken(index: number, reason: string): void;
  /** The front end shares memory which it can make shorter; told once for a connection. */
  unsealed(): void;
}

export interface DriverRunOptions {
  readonly device: VhostUserDevice;
  readonly record: DeviceRecord;
  readonly counters: BackendCounters;
  readonly events: DriverEvents;
}

/** What a queue starts with. */
export interface RunContext {
  /** Those of virtio alone. */
  readonly features: bigint;
  readonly memory: GuestMemory;
  /** The front end's own record, where it keeps one. */
  readonly inflight: InflightMemory | undefined;
  readonly indirect: boolean;
}

/** A queue about to start, and what is known of its buffers. */
interface Prepared {
  readonly vring: Vring;
  readonly ring: SplitRing;
  readonly inflight: InflightQueue;
  readonly identity: RingIdentity;
  /** Whether our record is of this ring, wherever it stands. */
  readonly claimed: boolean;
  /** Whether what is recorded of its buffers, by us or by the front end, can be true. */
  readonly known: boolean;
  /** Held by the device when it died or was stopped, oldest first. */
  readonly held: readonly number[];
}

/**
 * Tells whether the driver behind the queues is a new one or goes on, which vhost-user leaves to the
 * back end: a driver that begins starts all its queues at 0, with nothing recorded of them. One that
 * goes on (after a pause, a lost connection, a death of ours) has been somewhere before with one of them.
 */
export class DriverRun {
  /** Of the driver that the device was started for; undefined: for none. */
  private features: bigint | undefined;
  private readonly queues: VhostUserQueues;

  constructor(
    private readonly options: DriverRunOptions,
    private readonly vrings: readonly Vring[],
  ) {
    this.queues = {
      maxReturn: Number.MAX_SAFE_INTEGER,
      canReturnEvent: () => true,
      returnBuffer: (queue, id, bytes) => vrings[queue]?.returnBuffer(id, bytes),
    };
  }

  /** Lets a queue take buffers, and starts it where it stands; with the first one the device starts. */
  enable(vring: Vring, context: RunContext): void {
    if (vring.isRunning) {
      vring.enable();
      return;
    }
    const prepared = this.prepare(vring, context);
    if (!this.vrings.some((one) => one.isRunning)) this.startDevice(prepared, context);
    this.startRing(prepared, context);
  }

  /** Stops a queue; returns how many of its buffers were taken. */
  stop(vring: Vring): number {
    const wasRunning = vring.isRunning;
    const base = vring.stop();
    if (!wasRunning) return base;
    this.options.device.resetQueue(vring.index);
    this.options.record.stopRing(vring.index, base);
    if (!this.vrings.some((one) => one.isRunning)) this.options.events.driver(undefined);
    return base;
  }

  /** The front end resets the device: there is no driver. */
  reset(): void {
    for (const vring of this.vrings) {
      vring.stop();
      vring.base = 0;
    }
    this.options.record.forget();
    this.endDriver();
  }

  /** The connection is gone; the driver may come back over another one. */
  lost(): void {
    for (const vring of this.vrings) vring.stop();
    // What the device wants kept is for the driver's return; its reset may well write to it.
    const { kept } = this.options.record;
    const saved = kept.slice();
    this.endDriver();
    kept.set(saved);
  }

  private endDriver(): void {
    if (this.features === undefined) return;
    this.features = undefined;
    this.options.device.reset();
    this.options.events.driver(undefined);
  }

  private prepare(vring: Vring, { features, memory, inflight: shared }: RunContext): Prepared {
    const { index, base, size } = vring;
    const addresses = vring.addresses!;
    const ring = new SplitRing(memory, addresses, size);
    const identity = { memory: memory.identityAt(addresses.used)!, addresses, size };
    const own = shared?.queues[index];
    // A front end's record is of this driver, or was made anew for it.
    const inflight = own !== undefined && own.size >= size ? own : this.options.record.queue(index);
    const { record } = this.options;
    const claimed = record.isOfDriver(features) && record.isOfRing(identity);
    const used = ring.usedIndex();
    const held = inflight.recover(used);
    const known =
      held !== undefined &&
      isConsistent(ring, held) &&
      (inflight === own || (claimed && record.fitsBase(index, base, used, held.length)));
    return { vring, ring, inflight, identity, claimed, known, held: known ? held : [] };
  }

  /** With the first queue: a driver that goes on, or another. */
  private startDevice(first: Prepared, context: RunContext): void {
    const { device, record, events } = this.options;
    const { goesOn, isRecorded } = this.judge(first, context);
    if (!goesOn || !isRecorded) record.beginDriver(context.features);
    if (!goesOn || this.features !== context.features) {
      // A device that served nobody since its reset needs none.
      if (this.features !== undefined) device.reset();
      device.start(context.features, this.queues, { resumed: goesOn, kept: record.kept });
    }
    this.features = context.features;
    events.driver(context.features);
  }

  /** Whether the driver goes on, and whether our record is that driver's. */
  private judge(first: Prepared, context: RunContext): { goesOn: boolean; isRecorded: boolean } {
    let goesOn = false;
    let isRecorded = false;
    for (const vring of this.vrings) {
      if (!vring.isConfigured) continue;
      const { ring, claimed, known, held } = vring === first.vring ? first : this.prepare(vring, context);
      const isFresh = vring.base === 0 && ring.usedIndex() === 0;
      if (vring !== first.vring) ring.drop();
      // The same ring stood elsewhere before: its driver began anew.
      if (isFresh && claimed && !known) return { goesOn: false, isRecorded: false };
      if (claimed && known) isRecorded = true;
      if (!isFresh || held.length > 0) goesOn = true;
    }
    return { goesOn, isRecorded };
  }

  private startRing(prepared: Prepared, { memory, indirect }: RunContext): void {
    const { vring, ring, inflight, identity, known, held } = prepared;
    const { record, counters } = this.options;
    const used = ring.usedIndex();
    // The record of a driver that began just now was emptied after it was looked at.
    const goesOn = known && inflight.count === held.length;
    if (!goesOn) inflight.clear(used);
    const taken = goesOn ? (used + held.length) & 0xffff : vring.base;
    record.beginRing(identity);
    vring.start(ring, memory, inflight, taken, indirect);
    if (goesOn) {
      counters.buffers_resumed += held.length;
      vring.offerAgain(held);
    }
    vring.enable();
  }
}

/** Whether a ring can be one of which these are held: a guest that began anew offers some of them again. */
function isConsistent(ring: SplitRing, held: readonly number[]): boolean {
  const used = ring.usedIndex();
  const offered = (ring.availableIndex() - used) & 0xffff;
  if (offered > ring.size || held.length > offered || held.some((head) => head >= ring.size)) return false;
  const isHeld = new Set(held);
  for (let i = held.length; i < offered; i++) if (isHeld.has(ring.headAt(used + i))) return false;
  return true;
}
