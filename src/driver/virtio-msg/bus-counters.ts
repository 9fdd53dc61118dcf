import { BUS_FEATURE } from '../../wire/virtio-msg/bus.js';

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
