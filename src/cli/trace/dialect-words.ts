import type { DialectMessage } from '../../trace/dialect-speech.js';
import { RPMSG_GPIO_CMD, type RpmsgGpioRequest } from '../../wire/rpmsg-gpio.js';
import { SRTM_CMD, SRTM_DIRECTION, SRTM_EVENT, SRTM_RETCODE, type SrtmMessage } from '../../wire/srtm.js';
import { DIRECTION, IRQ_TYPE } from '../../wire/virtio-gpio.js';

/** Says in the words of rpmsg-gpio or SRTM what a message is; one line, without times. */
export function dialectWords(message: DialectMessage): string {
  switch (message.type) {
    case 'gpio-request':
      return `rpmsg-gpio ${rpmsgRequestWords(message.request)}`;
    case 'gpio-reply': {
      const { form, reply, request } = message;
      const what = request === undefined ? 'a reply' : rpmsgRequestWords(request);
      return `${form} ${what} = ${rpmsgReplyWords(reply.status, reply.value, request)}`;
    }
    case 'gpio-interrupt': {
      const { line, trigger } = message.interrupt;
      const how = trigger === undefined ? '' : ` (${wordOf(IRQ_TYPE, trigger)})`;
      return `${message.form} interrupt of line ${line}${how}`;
    }
    default:
      return `SRTM ${srtmWords(message.srtm)}`;
  }
}

/** As `SET_DIRECTION line 3 OUT`. */
export function rpmsgRequestWords({ cmd, line, value }: RpmsgGpioRequest): string {
  const head = `${wordOf(RPMSG_GPIO_CMD, cmd)} line ${line}`;
  switch (cmd) {
    case RPMSG_GPIO_CMD.GET_DIRECTION:
    case RPMSG_GPIO_CMD.GET_VALUE:
      return head;
    case RPMSG_GPIO_CMD.SET_DIRECTION:
      return `${head} ${wordOf(DIRECTION, value)}`;
    case RPMSG_GPIO_CMD.SET_IRQ_TYPE:
      return `${head} ${wordOf(IRQ_TYPE, value)}`;
    default:
      return `${head} ${value}`;
  }
}

function rpmsgReplyWords(status: number, value: number, request: RpmsgGpioRequest | undefined): string {
  if (status !== 0) return `ERR (status ${status})`;
  if (request?.cmd === RPMSG_GPIO_CMD.GET_DIRECTION) return `OK ${wordOf(DIRECTION, value)}`;
  return request === undefined || request.cmd === RPMSG_GPIO_CMD.GET_VALUE ? `OK ${value}` : 'OK';
}

function srtmWords(message: SrtmMessage): string {
  const head = `${wordOf(SRTM_CMD, message.cmd)} port ${message.port} line ${message.line}`;
  switch (message.type) {
    case 'notification':
      return `notification of port ${message.port} line ${message.line}`;
    case 'setup':
      if (message.cmd === SRTM_CMD.INPUT_INIT) {
        return `${head} ${wordOf(SRTM_EVENT, message.value)}${message.wakeup === 0 ? '' : ' wakeup'}`;
      }
      return message.cmd === SRTM_CMD.OUTPUT_INIT ? `${head} ${message.value}` : head;
    case 'reply': {
      const { cmd, retcode, value } = message;
      if (retcode !== SRTM_RETCODE.SUCCESS) return `${head} = ${wordOf(SRTM_RETCODE, retcode)}`;
      if (cmd === SRTM_CMD.INPUT_GET) return `${head} = SUCCESS ${value}`;
      const direction = cmd === SRTM_CMD.DIRECTION_GET ? ` ${wordOf(SRTM_DIRECTION, value)}` : '';
      return `${head} = SUCCESS${direction}`;
    }
  }
}

function wordOf(names: Readonly<Record<string, number>>, value: number): string {
  return Object.entries(names).find(([, number]) => number === value)?.[0] ?? String(value);
}
