import { u16 } from '../../wire/bytes.js';
import { DIRECTION, encodeGpioRequest, IRQ_TYPE, MSG, RESPONSE } from '../../wire/virtio-gpio.js';

/** GPIO protocols of firmware that exists, and that this version does not speak: known by their bytes. */
export type OtherDialect = 'rpmsg-gpio' | 'rpmsg-gpio-v14' | 'srtm';

/** Messages of the Linux rpmsg-gpio series to Linux. */
const RPMSG_LENGTH = 3;
/** SRTM's messages, and as the vendor's kernel pads them. */
const SRTM_LENGTHS = [14, 16];
const SRTM_CATEGORY_GPIO = 5;
const SRTM_MAJOR = 1;
const SRTM_REPLY = 1;
const SRTM_NOTIFICATION = 2;
const SRTM_LAST_COMMAND = 3;

/**
 * A read of line 0 in each of them, which changes nothing: GET_DIRECTION of rpmsg-gpio, and SRTM's
 * input get. To the others, and to virtio-msg, each is a message that is dropped.
 */
export const HARMLESS_QUESTIONS: readonly Uint8Array[] = [
  encodeGpioRequest(MSG.GET_DIRECTION, 0, 0),
  Uint8Array.of(SRTM_CATEGORY_GPIO, SRTM_MAJOR, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
];

/** Which dialect these packets are of, when all of them look like one; undefined: none that is known. */
export function recogniseDialect(packets: readonly Uint8Array[]): OtherDialect | undefined {
  if (packets.length === 0) return undefined;
  if (packets.every(isSrtm)) return 'srtm';
  if (packets.every(isLatest) && packets.some((packet) => packet[0] === 0)) return 'rpmsg-gpio';
  if (packets.every(isV14)) return 'rpmsg-gpio-v14';
  return packets.every(isLatest) ? 'rpmsg-gpio' : undefined;
}

/**
 * As {@link recogniseDialect}, for bytes without frames around them: several whole messages one
 * after the other, and not only the zeros that a line held low gives.
 */
export function recogniseUnframed(bytes: Uint8Array): OtherDialect | undefined {
  if (bytes.every((byte) => byte === 0)) return undefined;
  for (const length of [...SRTM_LENGTHS, RPMSG_LENGTH]) {
    const least = length === RPMSG_LENGTH ? LEAST_UNFRAMED : 1;
    if (bytes.length % length !== 0 || bytes.length < least * length) continue;
    const found = recogniseDialect(cut(bytes, length));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Three bytes are anything; this many times three that all fit are not. */
const LEAST_UNFRAMED = 3;

function cut(bytes: Uint8Array, length: number): Uint8Array[] {
  return Array.from({ length: bytes.length / length }, (_, i) =>
    bytes.subarray(i * length, (i + 1) * length),
  );
}

function isSrtm(packet: Uint8Array): boolean {
  return (
    SRTM_LENGTHS.includes(packet.length) &&
    packet[0] === SRTM_CATEGORY_GPIO &&
    packet[1] === SRTM_MAJOR &&
    (packet[3] === SRTM_REPLY || packet[3] === SRTM_NOTIFICATION) &&
    packet[4]! <= SRTM_LAST_COMMAND
  );
}

/** `{ 0, status, value }` or `{ 1, le16 line }`. */
function isLatest(packet: Uint8Array): boolean {
  if (packet.length !== RPMSG_LENGTH) return false;
  return packet[0] === 0 ? isReply(packet) : packet[0] === 1 && u16(packet, 1) < MOST_LINES;
}

/** `{ 1, status, value }` or `{ 2, line, trigger }`. */
function isV14(packet: Uint8Array): boolean {
  if (packet.length !== RPMSG_LENGTH) return false;
  return packet[0] === 1 ? isReply(packet) : packet[0] === 2 && packet[2]! <= IRQ_TYPE.LEVEL_LOW;
}

/** No controller of such firmware has more. */
const MOST_LINES = 1024;

/** The largest value of a reply is that of GET_DIRECTION. */
function isReply(packet: Uint8Array): boolean {
  return packet[1]! <= RESPONSE.ERR && packet[2]! <= DIRECTION.IN;
}
