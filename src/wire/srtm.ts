/**
 * The GPIO messages of NXP's SRTM (docs/dialects.md, "srtm"), as the M-core firmware of its SDK and
 * the vendor kernel's gpio-imx-rpmsg speak them. One message is one packet.
 */

/** In `SrtmMessage.cmd`. Not every firmware knows DIRECTION_GET. */
export const SRTM_CMD = { INPUT_INIT: 0, OUTPUT_INIT: 1, INPUT_GET: 2, DIRECTION_GET: 3 } as const;

/** What an input notifies of. Low and high are the other way round than in virtio-gpio. */
export const SRTM_EVENT = { NONE: 0, RISING: 1, FALLING: 2, BOTH: 3, LOW: 4, HIGH: 5 } as const;

/** `retcode` of a reply: 0 is success, anything else is a refusal. */
export const SRTM_RETCODE = { SUCCESS: 0, FAIL: 1, UNSUPPORTED: 2 } as const;

/** Value of a reply to DIRECTION_GET: as Linux counts directions. */
export const SRTM_DIRECTION = { OUTPUT: 0, INPUT: 1 } as const;

/** Name of the rpmsg channel that all ports share. */
export const SRTM_CHANNEL = 'rpmsg-io-channel';

interface Addressed {
  /** One of {@link SRTM_CMD}, or none: a device refuses that as UNSUPPORTED. */
  readonly cmd: number;
  readonly line: number;
  readonly port: number;
}

/** Driver to device. */
export interface SrtmSetup extends Addressed {
  readonly type: 'setup';
  /** INPUT_INIT: one of {@link SRTM_EVENT}. OUTPUT_INIT: the level. Else 0. */
  readonly value: number;
  /** INPUT_INIT: 1 where the line may wake the system up. Else 0. */
  readonly wakeup: number;
}

/** Device to driver: the answer to the setup of the same command, line and port. */
export interface SrtmReply extends Addressed {
  readonly type: 'reply';
  /** One of {@link SRTM_RETCODE}, or another refusal. */
  readonly retcode: number;
  /** INPUT_GET: the level. DIRECTION_GET: one of {@link SRTM_DIRECTION}. */
  readonly value: number;
}

/** Device to driver: what INPUT_INIT asked for occurred; the line is masked from then on. */
export interface SrtmNotification extends Addressed {
  readonly type: 'notification';
}

export type SrtmMessage = SrtmSetup | SrtmReply | SrtmNotification;

/** Why a packet is no GPIO message of SRTM; one counter for each. */
export const SRTM_DROP_REASONS = [
  'empty',
  'cut',
  'other-category',
  'unknown-version',
  'unknown-kind',
] as const;

export interface SrtmDropped {
  readonly type: 'dropped';
  readonly reason: (typeof SRTM_DROP_REASONS)[number];
}

const CATEGORY_GPIO = 5;
const MAJOR = 1;
const MINOR = 0;
const TYPE = { SETUP: 0, REPLY: 1, NOTIFICATION: 2 } as const;
/** With line and port, which is all that a notification has. */
const SHORTEST = 12;
/** With the two bytes of a setup or a reply. */
const WHOLE = 14;
/** What is sent: the vendor kernel's structure is padded to a multiple of eight. */
const PADDED = 16;

/** Decodes what either side sends. Reserved bytes, the minor version and padding are ignored. */
export function decodeSrtm(packet: Uint8Array): SrtmMessage | SrtmDropped {
  if (packet.length < SHORTEST) return dropped(packet.length === 0 ? 'empty' : 'cut');
  if (packet[0] !== CATEGORY_GPIO) return dropped('other-category');
  if (packet[1] !== MAJOR) return dropped('unknown-version');
  const [type, cmd, line, port] = [packet[3]!, packet[4]!, packet[10]!, packet[11]!];
  if (type === TYPE.NOTIFICATION) return { type: 'notification', cmd, line, port };
  if (type > TYPE.NOTIFICATION) return dropped('unknown-kind');
  if (packet.length < WHOLE) return dropped('cut');
  const [first, second] = [packet[12]!, packet[13]!];
  return type === TYPE.SETUP
    ? { type: 'setup', cmd, line, port, value: first, wakeup: second }
    : { type: 'reply', cmd, line, port, retcode: first, value: second };
}

/** 16 bytes, as the vendor kernel sends and its firmware takes them. */
export function encodeSrtm(message: SrtmMessage): Uint8Array {
  const packet = new Uint8Array(PADDED);
  packet[0] = CATEGORY_GPIO;
  packet[1] = MAJOR;
  packet[2] = MINOR;
  packet[4] = message.cmd;
  packet[10] = message.line;
  packet[11] = message.port;
  if (message.type === 'setup') {
    packet[3] = TYPE.SETUP;
    packet[12] = message.value;
    packet[13] = message.wakeup;
  } else if (message.type === 'reply') {
    packet[3] = TYPE.REPLY;
    packet[12] = message.retcode;
    packet[13] = message.value;
  } else packet[3] = TYPE.NOTIFICATION;
  return packet;
}

function dropped(reason: SrtmDropped['reason']): SrtmDropped {
  return { type: 'dropped', reason };
}
