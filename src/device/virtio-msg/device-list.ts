import type { GetDevicesResponse } from '../../wire/virtio-msg/bus.js';
import { HEADER_LENGTH } from '../../wire/virtio-msg/header.js';

/** offset, count and next_offset before the bitmap. */
const FIXED_LENGTH = HEADER_LENGTH + 6;
const END = 0x1_0000;

/** The answer to GET_DEVICES: as much of what was asked for as `maxSize` carries. */
export function devicesAnswer(
  request: { readonly token: number; readonly offset: number; readonly count: number },
  present: readonly number[],
  maxSize: number,
): GetDevicesResponse {
  const offset = request.offset & ~7;
  const wanted = Math.min(Math.ceil(request.count / 8) * 8, END - offset);
  const count = Math.min(wanted, (maxSize - FIXED_LENGTH) * 8, 0xfff8);
  const following = present.filter((devNum) => devNum >= offset + count);
  return {
    type: 'get-devices-response',
    token: request.token,
    offset,
    count,
    nextOffset: following.length === 0 ? 0 : Math.min(...following) & ~7,
    devices: present.filter((devNum) => devNum >= offset && devNum < offset + count),
  };
}
