import { BridgeError } from '../../base/errors.js';
import { HEADER_LENGTH } from '../../wire/virtio-msg/header.js';
import type { BusSession } from './bus-session.js';

/** Bytes of GET_DEVICES' answer before the bitmap. */
const ANSWER_OVERHEAD = HEADER_LENGTH + 6;
const LAST_DEVICE = 0xffff;

/** The device numbers on the bus, without the unused 0; read in pieces, at most `limit`. */
export async function listDevices(session: BusSession, limit: number): Promise<number[]> {
  const devices = new Set<number>();
  const most = (session.maxMsgSize - ANSWER_OVERHEAD) * 8;
  let offset = 0;
  do {
    const count = Math.min(most, (LAST_DEVICE + 1 - offset) & ~7, 0xfff8);
    const answer = await session.calls.call(
      { type: 'get-devices-request', offset, count },
      'get-devices-response',
    );
    if (answer.offset !== offset) {
      throw new BridgeError(
        'PROTOCOL_ERROR',
        `GET_DEVICES from ${offset} was answered from ${answer.offset}`,
      );
    }
    for (const device of answer.devices) {
      if (device > 0 && device <= LAST_DEVICE && devices.size < limit) devices.add(device);
    }
    // Never backwards: a device that says so would be asked for ever.
    const next = answer.nextOffset & ~7;
    if (next <= offset) break;
    offset = next;
  } while (devices.size < limit);
  return [...devices];
}
