import type { RequestEvent } from '../../api/client/types.js';
import type { EventClock } from '../../events/edge-event.js';
import type { Level } from '../../gpio/chip.js';

/** A line that is watched, with its level when watching began. */
export interface WatchedLine {
  readonly offset: number;
  /** Undefined: unnamed. */
  readonly name: string | undefined;
  readonly initial: Level;
}

/** A chip with those of its lines that are watched. */
export interface WatchedChip {
  readonly name: string;
  readonly label: string;
  /** Where false, that edges may be missing before any edge is not news. */
  readonly countsLoss: boolean;
  /** Bound of the error of its clock when watching began, ns; undefined: not known, or not for this user. */
  readonly clockErrorNs: number | undefined;
  readonly lines: readonly WatchedLine[];
}

/** What is watched, from when on. */
export interface Watched {
  readonly chips: readonly WatchedChip[];
  readonly clock: EventClock;
  /** CLOCK_MONOTONIC before the lines were requested. */
  readonly startNs: bigint;
  /** CLOCK_REALTIME at that moment. */
  readonly startRealtimeNs: bigint;
  /** Undefined: not for this user to know. */
  readonly daemonVersion: string | undefined;
}

/** Levels of one chip that were read because they were not known. */
export interface ReadLevels {
  readonly chip: string;
  readonly levels: ReadonlyMap<number, Level>;
  /** CLOCK_MONOTONIC. */
  readonly atNs: bigint;
}

/** Where `mon` puts what it watches, beside printing it. */
export interface EventSink {
  /** Rejects when the sink cannot go on by itself, such as on a full disk; never resolves. */
  readonly failed: Promise<never>;
  /** Waits while the sink's output is slow; rejects when it cannot take more. */
  take(events: readonly RequestEvent[]): Promise<void>;
  levels(read: ReadLevels): void;
  /** Nothing more comes. `atLastEdge`: what happened after the last edge was not watched. */
  end(atLastEdge: boolean): Promise<void>;
}
