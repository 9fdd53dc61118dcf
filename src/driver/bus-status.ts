import type { Dialect } from './dialect.js';
import type { ClockReport } from './remote-gpio.js';

/** How far the conversation with the coprocessor is. */
export type BusState =
  | { readonly kind: 'down'; readonly reason: string }
  /** It was spoken to and has not answered yet: `why`, for people. */
  | { readonly kind: 'greeting'; readonly why: string }
  /** Controllers are being brought up, or one of them is down. */
  | { readonly kind: 'starting' }
  /** Every controller runs. */
  | { readonly kind: 'up' };

/** Whether nothing changed that anybody is told of. */
export function sameBusState(a: BusState, b: BusState): boolean {
  return a.kind === b.kind && (a.kind !== 'down' || (b.kind === 'down' && a.reason === b.reason));
}

/** What `status` shows of the conversation with a coprocessor. */
export interface BusStatus {
  readonly state: BusState;
  /** `auto`: it has not been found out yet. */
  readonly dialect: Dialect | 'auto';
  /** Firmware name and version as it says; '' where it does not say, or has not yet. */
  readonly firmware: string;
  /** Of the running firmware; 0 where the dialect has none, or before it was told. */
  readonly bootId: number;
  /** Names of what the bus offers: `time`, `log`, `resume`. */
  readonly busFeatures: readonly string[];
  /** Bytes, as agreed; undefined where nothing is agreed. */
  readonly maxMsgSize: number | undefined;
  /** Of the last exchange that was measured. */
  readonly roundTripNs: number | undefined;
  readonly clock: ClockReport | undefined;
  readonly counters: Readonly<Record<string, number>>;
}
