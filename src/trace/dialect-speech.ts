import {
  decodeRpmsgGpioAnswer,
  decodeRpmsgGpioRequest,
  RPMSG_GPIO_ANSWER_LENGTH,
  RPMSG_GPIO_CMD,
  RPMSG_GPIO_REQUEST_LENGTH,
  type RpmsgGpioForm,
  type RpmsgGpioInterrupt,
  type RpmsgGpioReply,
  type RpmsgGpioRequest,
} from '../wire/rpmsg-gpio.js';
import { decodeSrtm, type SrtmMessage } from '../wire/srtm.js';

/** A message of a dialect without buffers. A trace does not say which that is: its bytes do. */
export type DialectMessage =
  | { readonly type: 'gpio-request'; readonly request: RpmsgGpioRequest }
  | {
      readonly type: 'gpio-reply';
      readonly form: RpmsgGpioForm;
      readonly reply: RpmsgGpioReply;
      /** What it answers; undefined where that was not heard. */
      readonly request: RpmsgGpioRequest | undefined;
    }
  | { readonly type: 'gpio-interrupt'; readonly form: RpmsgGpioForm; readonly interrupt: RpmsgGpioInterrupt }
  | { readonly type: 'srtm-setup' | 'srtm-reply' | 'srtm-notification'; readonly srtm: SrtmMessage };

/** The types of {@link DialectMessage}. */
export const DIALECT_MESSAGE_TYPES = [
  'gpio-request',
  'gpio-reply',
  'gpio-interrupt',
  'srtm-setup',
  'srtm-reply',
  'srtm-notification',
] as const satisfies readonly DialectMessage['type'][];

const COMMANDS: ReadonlySet<number> = new Set(Object.values(RPMSG_GPIO_CMD));

/** Overhears a driver and a device that may speak rpmsg-gpio, in either form, or SRTM. */
export class DialectSpeech {
  private form: RpmsgGpioForm | undefined;
  /** The request in flight. */
  private asked: RpmsgGpioRequest | undefined;
  private hasAsked = false;

  /** Undefined: a message of none of them. */
  hear(direction: 'in' | 'out', packet: Uint8Array): DialectMessage | undefined {
    const srtm = decodeSrtm(packet);
    if (srtm.type !== 'dropped') return { type: `srtm-${srtm.type}`, srtm };
    return direction === 'out' ? this.request(packet) : this.answer(packet);
  }

  private request(packet: Uint8Array): DialectMessage | undefined {
    if (packet.length !== RPMSG_GPIO_REQUEST_LENGTH) return undefined;
    const request = decodeRpmsgGpioRequest(packet);
    if (request.type === 'dropped' || !COMMANDS.has(request.cmd)) return undefined;
    this.asked = request;
    this.hasAsked = true;
    return { type: 'gpio-request', request };
  }

  private answer(packet: Uint8Array): DialectMessage | undefined {
    if (packet.length !== RPMSG_GPIO_ANSWER_LENGTH || !this.hasAsked) return undefined;
    const form = this.formOf(packet[0]!);
    if (form === undefined) return undefined;
    this.form = form;
    const message = decodeRpmsgGpioAnswer(form, packet);
    if (message.type === 'dropped') return undefined;
    if (message.type === 'interrupt') return { type: 'gpio-interrupt', form, interrupt: message };
    const request = this.asked;
    this.asked = undefined;
    return { type: 'gpio-reply', form, reply: message, request };
  }

  /** 0 and 2 are of one form each; 1 is what the first answer, which is a reply, begins with in v14. */
  private formOf(kind: number): RpmsgGpioForm | undefined {
    if (kind === 0) return 'rpmsg-gpio';
    if (kind === 2) return 'rpmsg-gpio-v14';
    return kind === 1 ? (this.form ?? 'rpmsg-gpio-v14') : undefined;
  }
}
