import { u16 } from '../../wire/bytes.js';
import { encodeRpmsgGpioRequest, RPMSG_GPIO_CMD, type RpmsgGpioForm } from '../../wire/rpmsg-gpio.js';
import { encodeSrtm, SRTM_CMD } from '../../wire/srtm.js';
import { DIRECTION, IRQ_TYPE, RESPONSE } from '../../wire/virtio-gpio.js';
import type { MessageDialect } from '../dialect.js';

/** The dialects of messages, known by their bytes. */

/** Messages of the Linux rpmsg-gpio series to Linux. */
const RPMSG_LENGTH = 3;
/** SRTM's messages, and as the vendor's kernel pads them. */
const SRTM_LENGTHS = [14, 16];
/** A notification without what it does not use. */
const SRTM_SHORTEST = 12;
const SRTM_CATEGORY_GPIO = 5;
const SRTM_MAJOR = 1;
const SRTM_REPLY = 1;
const SRTM_NOTIFICATION = 2;
const SRTM_LAST_COMMAND = 3;

/**
 * Reads of a line, which change nothing: GET_DIRECTION of rpmsg-gpio in both forms, and SRTM's input
 * get. To the others, and to virtio-msg, each is a message that is dropped or refused.
 */
export const RPMSG_QUESTION = encodeRpmsgGpioRequest({
  cmd: RPMSG_GPIO_CMD.GET_DIRECTION,
  line: 0,
  value: 0,
});

export function srtmQuestion(port: number): Uint8Array {
  return encodeSrtm({ type: 'setup', cmd: SRTM_CMD.INPUT_GET, line: 0, port, value: 0, wakeup: 0 });
}

export function questionOf(dialect: MessageDialect, port: number): Uint8Array {
  return dialect === 'srtm' ? srtmQuestion(port) : RPMSG_QUESTION;
}

export const HARMLESS_QUESTIONS: readonly Uint8Array[] = [RPMSG_QUESTION, srtmQuestion(0)];

/**
 * Which dialect these packets are of, when all of them look like one; undefined: none that is known,
 * or not one alone. An interrupt of the latest form looks like a refusal of version 14, so that neither
 * is inferred from those.
 */
export function recogniseDialect(packets: readonly Uint8Array[]): MessageDialect | undefined {
  if (packets.length === 0) return undefined;
  if (packets.every(isSrtm)) return 'srtm';
  if (packets.every(isLatest) && packets.some((packet) => packet[0] === 0)) return 'rpmsg-gpio';
  const isSure = packets.some((packet) => packet[0] === 2 || isDone(packet)) || hasTwice(packets);
  return isSure && packets.every(isV14) ? 'rpmsg-gpio-v14' : undefined;
}

/** A line is masked with its interrupt: what came twice is a reply. */
function hasTwice(packets: readonly Uint8Array[]): boolean {
  return new Set(packets.map((packet) => packet.join())).size < packets.length;
}

/**
 * As {@link recogniseDialect}, for bytes without frames around them: several whole messages one
 * after the other, and not only the zeros that a line held low gives.
 */
export function recogniseUnframed(bytes: Uint8Array): MessageDialect | undefined {
  if (bytes.every((byte) => byte === 0)) return undefined;
  for (const length of [...SRTM_LENGTHS, RPMSG_LENGTH]) {
    const least = length === RPMSG_LENGTH ? LEAST_UNFRAMED : 1;
    if (bytes.length % length !== 0 || bytes.length < least * length) continue;
    const packets = cut(bytes, length);
    if (length === RPMSG_LENGTH && !packets.some(isDone)) continue;
    const found = recogniseDialect(packets);
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
    (SRTM_LENGTHS.includes(packet.length) ||
      (packet.length === SRTM_SHORTEST && packet[3] === SRTM_NOTIFICATION)) &&
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

/** Any status but 0 is a refusal, and its value means nothing. */
function isReply(packet: Uint8Array): boolean {
  return packet[1] !== RESPONSE.OK || isDone(packet);
}

/** Of what is recognised as this form of rpmsg-gpio. */
export function isReplyOf(form: RpmsgGpioForm, packet: Uint8Array): boolean {
  return packet[0] === (form === 'rpmsg-gpio' ? 0 : 1);
}

/** Of a reply: not refused. The largest value of one is that of GET_DIRECTION. */
export function isDone(packet: Uint8Array): boolean {
  return packet[1] === RESPONSE.OK && packet[2]! <= DIRECTION.IN;
}
