import { putU16, putU32, u16, u32 } from './bytes.js';
import { MSG } from './virtio-gpio.js';

/**
 * The messages of Linux's rpmsg-gpio (docs/dialects.md, "rpmsg-gpio"): virtio-gpio's requests without
 * queues, in the two forms that firmware has. One message is one packet; a reply carries no tag.
 */

/** The dialects' names: the kernel series' latest form, and that of its version 14. */
export const RPMSG_GPIO_FORMS = ['rpmsg-gpio', 'rpmsg-gpio-v14'] as const;
export type RpmsgGpioForm = (typeof RPMSG_GPIO_FORMS)[number];

/** Commands: 2..6 with the meaning of virtio-gpio; there are no names, and 0x10 is of v14 alone. */
export const RPMSG_GPIO_CMD = {
  GET_DIRECTION: MSG.GET_DIRECTION,
  SET_DIRECTION: MSG.SET_DIRECTION,
  GET_VALUE: MSG.GET_VALUE,
  SET_VALUE: MSG.SET_VALUE,
  SET_IRQ_TYPE: MSG.SET_IRQ_TYPE,
  SET_WAKEUP: 0x10,
} as const;

export const RPMSG_GPIO_REQUEST_LENGTH = 8;
export const RPMSG_GPIO_ANSWER_LENGTH = 3;

/** Driver to device. `cmd` may be unknown: a device answers that with an error. */
export interface RpmsgGpioRequest {
  readonly type: 'request';
  /** One of {@link RPMSG_GPIO_CMD}, or none. */
  readonly cmd: number;
  readonly line: number;
  readonly value: number;
}

/** Device to driver: the answer to the one request in flight. */
export interface RpmsgGpioReply {
  readonly type: 'reply';
  /** 0: done; anything else: refused. */
  readonly status: number;
  readonly value: number;
}

/** Device to driver: the line's interrupt occurred, and is masked from then on. */
export interface RpmsgGpioInterrupt {
  readonly type: 'interrupt';
  readonly line: number;
  /** Only in v14: the type that was set, as the device remembers it. */
  readonly trigger?: number;
}

/** Why a packet is no message of this dialect; one counter for each. */
export const RPMSG_GPIO_DROP_REASONS = ['empty', 'cut', 'unknown-kind'] as const;

export interface RpmsgGpioDropped {
  readonly type: 'dropped';
  readonly reason: (typeof RPMSG_GPIO_DROP_REASONS)[number];
}

/** The first byte of what a device sends: in the latest form the number of a queue. */
const KINDS: Readonly<Record<RpmsgGpioForm, { readonly reply: number; readonly interrupt: number }>> = {
  'rpmsg-gpio': { reply: 0, interrupt: 1 },
  'rpmsg-gpio-v14': { reply: 1, interrupt: 2 },
};

/** What a device receives, the same in both forms. Bytes behind the message are ignored. */
export function decodeRpmsgGpioRequest(packet: Uint8Array): RpmsgGpioRequest | RpmsgGpioDropped {
  if (packet.length < RPMSG_GPIO_REQUEST_LENGTH) return tooShort(packet);
  return { type: 'request', cmd: u16(packet, 0), line: u16(packet, 2), value: u32(packet, 4) };
}

export function encodeRpmsgGpioRequest({ cmd, line, value }: Omit<RpmsgGpioRequest, 'type'>): Uint8Array {
  const packet = new Uint8Array(RPMSG_GPIO_REQUEST_LENGTH);
  putU16(packet, 0, cmd);
  putU16(packet, 2, line);
  putU32(packet, 4, value);
  return packet;
}

/** What a driver receives. Bytes behind the message are ignored. */
export function decodeRpmsgGpioAnswer(
  form: RpmsgGpioForm,
  packet: Uint8Array,
): RpmsgGpioReply | RpmsgGpioInterrupt | RpmsgGpioDropped {
  if (packet.length < RPMSG_GPIO_ANSWER_LENGTH) return tooShort(packet);
  const { reply, interrupt } = KINDS[form];
  if (packet[0] === reply) return { type: 'reply', status: packet[1]!, value: packet[2]! };
  if (packet[0] !== interrupt) return { type: 'dropped', reason: 'unknown-kind' };
  if (form === 'rpmsg-gpio') return { type: 'interrupt', line: u16(packet, 1) };
  return { type: 'interrupt', line: packet[1]!, trigger: packet[2]! };
}

export function encodeRpmsgGpioReply(form: RpmsgGpioForm, status: number, value: number): Uint8Array {
  return Uint8Array.of(KINDS[form].reply, status, value);
}

/** `line` is one byte in v14, and `trigger` is not sent in the latest form. */
export function encodeRpmsgGpioInterrupt(form: RpmsgGpioForm, line: number, trigger = 0): Uint8Array {
  const packet = Uint8Array.of(KINDS[form].interrupt, line, trigger);
  if (form === 'rpmsg-gpio') putU16(packet, 1, line);
  return packet;
}

function tooShort(packet: Uint8Array): RpmsgGpioDropped {
  return { type: 'dropped', reason: packet.length === 0 ? 'empty' : 'cut' };
}
