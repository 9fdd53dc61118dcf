import { BUS_FEATURE } from '../../wire/virtio-msg/bus.js';
import type { ClockReport } from '../remote-gpio.js';

/** How far the conversation with the coprocessor is. */
export type BusState =
  | { readonly kind: 'down'; readonly reason: string }
  /** HELLO was said and not answered yet. */
  | { readonly kind: 'hello' }
  /** Devices are being brought up, or one of them is down. */
  | { readonly kind: 'starting' }
  /** Every device runs. */
  | { readonly kind: 'up' };

/** What `status` shows of a coprocessor that speaks the in-band bus. */
export interface BusStatus {
  readonly state: BusState;
  readonly dialect: 'virtio-msg';
  /** Firmware name and version as it says; '' before the first HELLO answer. */
  readonly firmware: string;
  /** 0 before the first HELLO answer. */
  readonly bootId: number;
  /** `time`, `log`, `resume`: what the device has. */
  readonly busFeatures: readonly string[];
  /** Bytes, as agreed by HELLO. */
  readonly maxMsgSize: number | undefined;
  /** Of the last PING or BUS_TIME. */
  readonly roundTripNs: number | undefined;
  readonly clock: ClockReport | undefined;
  readonly counters: Readonly<Record<string, number>>;
}

export const BUS_COUNTERS = [
  'packets_received',
  'hellos_sent',
  'hello_answers',
  'stale_hello_answers',
  'sessions_started',
  'sessions_resumed',
  'boots_announced',
  'pings_sent',
  'ping_timeouts',
  'clock_samples',
  'clock_samples_rejected',
  'dropped_before_hello',
  'dropped_unexpected',
];

/** The names of the bits of bus_features. */
export function featureNames(busFeatures: number): string[] {
  return Object.entries(BUS_FEATURE)
    .filter(([, bit]) => (busFeatures & bit) !== 0)
    .map(([name]) => name.toLowerCase());
}
