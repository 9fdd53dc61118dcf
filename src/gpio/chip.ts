import type { Observable } from 'rxjs';
import type { Level } from '../driver/remote-gpio.js';
import type { EdgeSelection, EventClock, LineEvent } from '../events/edge-event.js';

export type { Level };

/** A GPIO chip as programs see it: of a coprocessor, or synthetic. Nouns as in the Linux GPIO uAPI. */
export interface Chip {
  readonly name: string;
  /** The firmware's identity, or what the configuration says. */
  readonly label: string;
  /** 0 until the coprocessor has described itself. */
  readonly lineCount: number;
  readonly countsLoss: boolean;
  readonly state: ChipState;
  /** The present state on subscription, then each change. */
  readonly state$: Observable<ChipState>;
  /** Throws INVALID_ARGUMENT for an offset out of range. Reads nothing from the coprocessor. */
  lineInfo(offset: number): LineInfo;
  /** Requested, released and reconfigured lines, by anyone. */
  readonly lineInfo$: Observable<LineInfoChange>;
  /** The offset of the line of that name, or undefined. */
  findLine(name: string): number | undefined;
  /**
   * The physical level of a line, whoever holds it; requests nothing. Absent where a chip cannot. Rejects
   * with INVALID_ARGUMENT, LINK_DOWN and what the coprocessor's requests reject with.
   */
  readLevel?(offset: number): Promise<Level>;
  /**
   * Makes these lines the caller's own and configures them; all or none. Rejects with BUSY (which
   * line, by whom), INVALID_ARGUMENT, NOT_SUPPORTED, and what the coprocessor's requests reject with.
   */
  requestLines(request: LineRequestConfig): Promise<LineRequest>;
}

export type ChipState =
  | { readonly kind: 'up' }
  | { readonly kind: 'starting' }
  | { readonly kind: 'down'; readonly reason: string };

export interface LineInfo {
  readonly offset: number;
  /** Undefined: unnamed. */
  readonly name?: string;
  readonly used: boolean;
  /** Of the request that holds it; undefined when unused, and where it is nobody's business here. */
  readonly consumer?: string;
  /** Whether it stays requested without a client. */
  readonly persistent: boolean;
  /** The synthetic chip that the line belongs to or is held through; not told on that chip itself. */
  readonly throughChip?: string;
  /** Of a synthetic chip's line: why it cannot be requested now. */
  readonly unavailable?: string;
  /** Of a line that is not used: what its last user made it, as the kernel shows it; nobody drives it. */
  readonly direction: 'input' | 'output';
  readonly activeLow: boolean;
  readonly edges: EdgeSelection;
  readonly eventClock: EventClock;
  /** Software debounce; 0: none. */
  readonly debouncePeriodUs: number;
}

export interface LineInfoChange {
  readonly kind: 'requested' | 'released' | 'reconfigured';
  /** CLOCK_MONOTONIC. */
  readonly timestampNs: bigint;
  readonly info: LineInfo;
}

/** How a line is wanted. */
export interface LineConfig {
  readonly direction: 'as-is' | 'input' | 'output';
  /** Only with direction input (or as-is on an input). */
  readonly edges: EdgeSelection;
  readonly activeLow: boolean;
  readonly eventClock: EventClock;
  /** Logical value to drive; only with direction output. Default 0. */
  readonly value?: Level;
  /**
   * Software debounce of an input's edges, as gpiolib's: every edge starts the period again, and an
   * event comes when the line was stable for all of it. Default 0: none.
   */
  readonly debouncePeriodUs?: number;
}

export interface LineRequestConfig {
  readonly consumer: string;
  /** Distinct, in the caller's order; at least one, at most 64 as in the uAPI. */
  readonly offsets: readonly number[];
  /** One for all lines, or one for each in the order of `offsets`. */
  readonly config: LineConfig | readonly LineConfig[];
  /** Whether no client is behind it (persistent-lines.ts): for others to see. */
  readonly persistent?: boolean;
}

/** Lines that one caller owns until it releases them. */
export interface LineRequest {
  readonly consumer: string;
  readonly offsets: readonly number[];
  /** Edges and gaps of these lines, in the order of each line; completes when the request ends. */
  readonly events$: Observable<readonly LineEvent[]>;
  /** Logical values, in the order asked; of all lines when no offsets are given. */
  getValues(offsets?: readonly number[]): Promise<Level[]>;
  /** Sets outputs; offsets not named keep their value. */
  setValues(values: ReadonlyMap<number, Level>): Promise<void>;
  reconfigure(config: LineConfig | readonly LineConfig[]): Promise<void>;
  /** Gives the lines back: interrupts off, direction NONE. Idempotent. */
  release(): Promise<void>;
  /** Undefined while it lives; then why it ended (`released`, or why the lines went away). */
  readonly ended: string | undefined;
}

/** Most lines in one request (GPIO_V2_LINES_MAX). */
export const MAX_LINES_PER_REQUEST = 64;
