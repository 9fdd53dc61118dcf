import type { Observable } from 'rxjs';

/**
 * The contract of a remote GPIO controller, whatever its dialect. A RemoteGpio lives as long as
 * the coprocessor is configured: links come and go below it, and it stays. It owns correlation,
 * time limits and re-arming; every wait has a named limit (base/timeouts.ts).
 */
export interface RemoteGpio {
  /** For messages: `hub`, or `hub.2` on a bus with several controllers. */
  readonly name: string;
  readonly state: RemoteState;
  /** The present state on subscription, then each change. */
  readonly state$: Observable<RemoteState>;
  /** What the controller said of itself at its last bring-up; undefined before the first. */
  readonly description: RemoteDescription | undefined;
  /** What interrupts brought, in the order of the wire; see {@link InterruptItem}. */
  readonly interrupts$: Observable<InterruptBatch>;
  /** Maps the device's clock to the host's; undefined where the device has none. */
  readonly deviceClock: DeviceClock | undefined;

  /** Requests reject with TIMEOUT, DEVICE_ERROR, LINK_DOWN, FIRMWARE_RESTARTED, NOT_SUPPORTED or QUEUE_FULL. */
  getDirection(line: number): Promise<Direction>;
  setDirection(line: number, direction: Direction): Promise<void>;
  getValue(line: number): Promise<Level>;
  /** Kept for the line until it becomes an output (D6); remembered, and set again after a restart. */
  setValue(line: number, level: Level): Promise<void>;
  /** Enables edge or level interrupts and keeps the line armed. Changes a type by NONE first (H4). */
  enableInterrupt(line: number, type: InterruptType): Promise<void>;
  /** Sets type NONE; resolves after the final account of the line was emitted, where the device counts. */
  disableInterrupt(line: number): Promise<void>;
  /** Drops what is remembered of the line (value, direction, interrupt) and sets direction NONE. */
  releaseLine(line: number): Promise<void>;

  /**
   * Holds back re-arming (true) while the daemon's own input side is behind, which holds the
   * device back; false lets it go on. The only flow control towards the device.
   */
  holdRearming(hold: boolean): void;
  /** Counters by name in snake_case, for `status`; only ever grow. */
  readonly counters: Readonly<Record<string, number>>;
}

export type Level = 0 | 1;
export type Direction = 'none' | 'output' | 'input';
export type InterruptType = 'rising' | 'falling' | 'both' | 'level-high' | 'level-low';

export type RemoteState =
  /** No channel, or the controller is gone. */
  | { readonly kind: 'down'; readonly reason: string }
  /** A channel is up; the controller is being brought up, or its lines are being set again. */
  | { readonly kind: 'starting' }
  /** Requests are taken; remembered lines have been set again. `generation` counts descriptions: it grows when another firmware describes other lines. */
  | { readonly kind: 'up'; readonly generation: number };

export interface RemoteDescription {
  readonly dialect: string;
  /** Firmware name and version as it says, or ''. */
  readonly firmware: string;
  readonly lineCount: number;
  /** By offset; undefined: unnamed. */
  readonly names: readonly (string | undefined)[];
  /** What was wrong with the description, for the log. */
  readonly warnings: readonly string[];
  readonly hasInterrupts: boolean;
  /** Whether every lost edge is counted. */
  readonly countsLoss: boolean;
  /** Whether edges carry the device's time. */
  readonly stampsEdges: boolean;
  /** Edges the device keeps for a line that has no buffer; 1: a latch. */
  readonly eventDepth: number;
  /** Lines that the device drove when it was taken over from an earlier daemon; undefined: it was reset. */
  readonly outputs?: readonly number[];
}

/** What one read of the link brought. */
export interface InterruptBatch {
  /** CLOCK_MONOTONIC at the arrival of the bytes, before decoding. */
  readonly arrivedNs: bigint;
  readonly items: readonly InterruptItem[];
}

export type InterruptItem =
  | EdgeItem
  | AccountItem
  | EnabledItem
  | DisabledItem
  | LevelItem
  | BreakItem
  | ResumedItem
  | UncountedItem;

/** An edge (or an active level, for level types) that the device delivered. */
export interface EdgeItem {
  readonly kind: 'edge';
  readonly line: number;
  /** Right after the edge; null where the device does not say. */
  readonly level: Level | null;
  /** Number of the edge since enable, modulo 2^32, from 1; null where the device does not count. */
  readonly seq: number | null;
  /** Device clock; null where it does not stamp. */
  readonly deviceNs: bigint | null;
}

/** The device says how many edges it has sensed, without one to deliver (EVENT_STAMP's INVALID). */
export interface AccountItem {
  readonly kind: 'account';
  readonly line: number;
  readonly level: Level;
  /** Number of the last edge sensed; 0: none. Edges after the last one delivered up to this are lost. */
  readonly seq: number;
  readonly deviceNs: bigint;
}

/** The interrupt of a line was enabled, first or again after a restart: counting starts anew with 1. */
export interface EnabledItem {
  readonly kind: 'enabled';
  readonly line: number;
  readonly type: InterruptType;
}

/** The interrupt of a line is off; its final account, where there is one, came before. */
export interface DisabledItem {
  readonly kind: 'disabled';
  readonly line: number;
  /** Whether the device's final count is known (it came as an account before this). */
  readonly counted: boolean;
}

/** A level that was read (not sensed): after a break, or for both-edge interrupts without levels. */
export interface LevelItem {
  readonly kind: 'level';
  readonly line: number;
  /** Null: no level will be read for the interrupts that wait for one. */
  readonly level: Level | null;
}

/** Edges of every armed line may have been lost, and nobody can say how many. */
export interface BreakItem {
  readonly kind: 'break';
  readonly reason: 'link' | 'firmware-restart';
  /** CLOCK_MONOTONIC: the last moment known to be good, and the moment sensing went on. */
  readonly fromNs: bigint;
  readonly toNs: bigint;
}

/**
 * The channel broke and came up again, and the device kept and counts everything: what was lost on
 * the wire shows in the next `seq` of each line. Says only why, should that be more than one ahead.
 */
export interface ResumedItem {
  readonly kind: 'resumed';
  readonly fromNs: bigint;
  readonly toNs: bigint;
}

/** As {@link BreakItem}, for one line: it was left without a buffer by a device that does not count. */
export interface UncountedItem {
  readonly kind: 'uncounted';
  readonly line: number;
}

/** Maps device time to the host's. */
export interface DeviceClock {
  /** Undefined until the first BUS_TIME exchange of this boot succeeded. */
  toHost(deviceNs: bigint): HostTime | undefined;
  /** For `status`: offset of host minus device now, drift, round trip and present error bound. */
  readonly report: ClockReport | undefined;
}

export interface HostTime {
  /** CLOCK_MONOTONIC. */
  readonly monotonicNs: bigint;
  /** The true time lies within this of `monotonicNs`. */
  readonly uncertaintyNs: number;
  /** CLOCK_BOOTTIME, only where the edge was sensed while the host slept. */
  readonly boottimeNs?: bigint;
}

export interface ClockReport {
  readonly offsetNs: bigint;
  /** Device clock against the host's, parts per million; null while unknown. */
  readonly driftPpm: number | null;
  readonly errorNs: number;
  readonly roundTripNs: number;
  readonly samples: number;
}
