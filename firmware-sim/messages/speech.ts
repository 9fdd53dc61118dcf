import {
  decodeRpmsgGpioAnswer,
  decodeRpmsgGpioRequest,
  encodeRpmsgGpioReply,
  type RpmsgGpioForm,
} from '../../src/wire/rpmsg-gpio.js';
import { decodeSrtm, encodeSrtm, SRTM_RETCODE } from '../../src/wire/srtm.js';
import { RESPONSE } from '../../src/wire/virtio-gpio.js';
import type { SimulatedDialect } from '../dialect.js';

/** As much of a dialect as faults of its messages need to know. */
export interface MessageSpeech {
  /** Whether firmware sends this as an answer, and not of its own accord. */
  isAnswer(packet: Uint8Array): boolean;
  /** The answer that refuses a request; undefined for what is no request. */
  refusal(packet: Uint8Array): Uint8Array | undefined;
}

/** The speech of a dialect of single messages; undefined for one whose messages carry queues. */
export function speechOf(dialect: SimulatedDialect): MessageSpeech | undefined {
  switch (dialect) {
    case 'virtio-msg':
      return undefined;
    case 'rpmsg-gpio':
    case 'rpmsg-gpio-v14':
      return rpmsgGpio(dialect);
    case 'srtm':
      return srtm;
  }
}

function rpmsgGpio(form: RpmsgGpioForm): MessageSpeech {
  return {
    isAnswer: (packet) => decodeRpmsgGpioAnswer(form, packet).type === 'reply',
    refusal: (packet) =>
      decodeRpmsgGpioRequest(packet).type === 'request'
        ? encodeRpmsgGpioReply(form, RESPONSE.ERR, 0)
        : undefined,
  };
}

const srtm: MessageSpeech = {
  isAnswer: (packet) => decodeSrtm(packet).type === 'reply',
  refusal: (packet) => {
    const setup = decodeSrtm(packet);
    if (setup.type !== 'setup') return undefined;
    const { cmd, line, port } = setup;
    return encodeSrtm({ type: 'reply', cmd, line, port, retcode: SRTM_RETCODE.FAIL, value: 0 });
  },
};
