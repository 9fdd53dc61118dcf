import { DROP_REASONS, type DropReason } from '../../wire/virtio-msg/header.js';

/** Why a message, or a buffer in one, was dropped by the device side of the bus. */
export const BUS_DROPS = [
  /** anything but HELLO before HELLO was answered */
  'before_hello',
  /** a message that only a device sends */
  'wrong_direction',
  /** a response that nothing waits for */
  'stray_response',
  /** HELLO with a max_msg_size under 64 */
  'bad_hello',
  'unknown_device',
  'unknown_queue',
  /** VQ_AVAIL before DRIVER_OK, or when the device needs a reset */
  'not_driver_ok',
  /** more buffers than SET_VQUEUE allowed */
  'queue_overfull',
  /** an id that is outstanding already */
  'id_outstanding',
  /** RESET_VQUEUE without RING_RESET */
  'not_negotiated',
] as const;
export type BusDrop = (typeof BUS_DROPS)[number];

/** The counters of a bus, by name in snake_case; they only ever grow. */
export type BusCounters = Record<string, number>;

export function newBusCounters(): BusCounters {
  const counters: BusCounters = {
    messages_received: 0,
    messages_sent: 0,
    // Taken by the link, and not sent because the channel broke.
    messages_unsent: 0,
    dropped_outbox_full: 0,
    hellos: 0,
    resumes: 0,
    device_resets: 0,
  };
  for (const cause of BUS_DROPS) counters[`dropped_${cause}`] = 0;
  for (const reason of DROP_REASONS) counters[decodeDrop(reason)] = 0;
  return counters;
}

/** The name under which a message that could not be decoded is counted. */
export function decodeDrop(reason: DropReason): string {
  return `dropped_${reason.replaceAll('-', '_')}`;
}
