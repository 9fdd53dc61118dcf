import {
  decodeRpmsgGpioAnswer,
  encodeRpmsgGpioRequest,
  RPMSG_GPIO_CMD,
  type RpmsgGpioForm,
} from '../../wire/rpmsg-gpio.js';
import { DIRECTION, IRQ_TYPE } from '../../wire/virtio-gpio.js';
import { directionName, WIRE_IRQ_TYPE } from '../line-words.js';
import type { Command, DialectRules, Inbound, LineAddress, Step } from './rules.js';

const { GET_DIRECTION, SET_DIRECTION, GET_VALUE, SET_VALUE, SET_IRQ_TYPE, SET_WAKEUP } = RPMSG_GPIO_CMD;

const NAMES: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(RPMSG_GPIO_CMD).map(([name, cmd]) => [cmd, name]),
);

/** How Linux's rpmsg-gpio asks (docs/dialects.md, "rpmsg-gpio"), in one of its two forms. */
export function rpmsgRules(form: RpmsgGpioForm): DialectRules {
  const setWakeup = (at: LineAddress, on: boolean): Step => ({
    command: command(SET_WAKEUP, at, on ? 1 : 0),
  });
  return {
    dialect: form,
    tagged: false,
    encode: encodeRpmsgGpioRequest,
    decode: (packet) => inbound(form, packet),
    describe,
    probe: (at) => command(GET_DIRECTION, at),
    readDirection: (at) => command(GET_DIRECTION, at),
    directionOf: directionName,
    lacksDirection: () => false,
    readValue: (at) => command(GET_VALUE, at),
    setLevel: (at, level) => command(SET_VALUE, at, level),
    // The value first, so that the line never shows another; and as the kernel does it, since
    // firmware need not keep the value of a line that is no output yet.
    toOutput: (at, level) => [
      { command: command(SET_VALUE, at, level), optional: true },
      { command: command(SET_DIRECTION, at, DIRECTION.OUT) },
      { command: command(SET_VALUE, at, level) },
    ],
    toInput: (at) => [{ command: command(SET_DIRECTION, at, DIRECTION.IN) }],
    toNone: (at, wasOutput) => [
      // The kernel's driver never asks for NONE: where it is refused, the line is not driven at least.
      ...(wasOutput ? [{ command: command(SET_DIRECTION, at, DIRECTION.IN) }] : []),
      { command: command(SET_DIRECTION, at, DIRECTION.NONE), optional: true },
    ],
    unmask: (at, type) => command(SET_IRQ_TYPE, at, WIRE_IRQ_TYPE[type]),
    beforeEnable: (at, wakeup) => (wakeup ? [setWakeup(at, true)] : []),
    disable: (at, wakeup) => [
      { command: command(SET_IRQ_TYPE, at, IRQ_TYPE.NONE) },
      ...(wakeup ? [{ ...setWakeup(at, false), optional: true }] : []),
    ],
  };
}

function command(cmd: number, { port, line }: LineAddress, value = 0): Command {
  return { cmd, port, line, value };
}

function inbound(form: RpmsgGpioForm, packet: Uint8Array): Inbound {
  const message = decodeRpmsgGpioAnswer(form, packet);
  switch (message.type) {
    case 'reply':
      return { kind: 'reply', status: message.status, value: message.value };
    case 'interrupt':
      return { kind: 'interrupt', port: 0, line: message.line };
    case 'dropped':
      return { kind: 'dropped', reason: message.reason };
  }
}

function describe({ cmd, line, value }: Command): string {
  const reads = cmd === GET_DIRECTION || cmd === GET_VALUE;
  return `${NAMES[cmd] ?? `command ${cmd}`}${reads ? '' : ` ${value}`} of line ${line}`;
}
