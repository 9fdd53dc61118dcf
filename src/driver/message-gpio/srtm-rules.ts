import {
  decodeSrtm,
  encodeSrtm,
  SRTM_CMD,
  SRTM_DIRECTION,
  SRTM_EVENT,
  SRTM_RETCODE,
} from '../../wire/srtm.js';
import type { InterruptType } from '../remote-gpio.js';
import type { Command, DialectRules, Inbound, LineAddress } from './rules.js';

const { INPUT_INIT, OUTPUT_INIT, INPUT_GET, DIRECTION_GET } = SRTM_CMD;

const EVENTS: Readonly<Record<InterruptType, number>> = {
  rising: SRTM_EVENT.RISING,
  falling: SRTM_EVENT.FALLING,
  both: SRTM_EVENT.BOTH,
  'level-high': SRTM_EVENT.HIGH,
  'level-low': SRTM_EVENT.LOW,
};

const NAMES: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(SRTM_CMD).map(([name, cmd]) => [cmd, name]),
);

/** How NXP's vendor kernel asks (docs/dialects.md, "srtm"). */
export const srtmRules: DialectRules = {
  dialect: 'srtm',
  tagged: true,
  encode: ({ cmd, port, line, value, wakeup = false }) =>
    encodeSrtm({ type: 'setup', cmd, port, line, value, wakeup: wakeup ? 1 : 0 }),
  decode: inbound,
  describe,
  probe: (at) => command(INPUT_GET, at),
  readDirection: (at) => command(DIRECTION_GET, at),
  directionOf: (value) => (value === SRTM_DIRECTION.OUTPUT ? 'output' : 'input'),
  lacksDirection: (status) => status === SRTM_RETCODE.UNSUPPORTED,
  readValue: (at) => command(INPUT_GET, at),
  setLevel: (at, level) => command(OUTPUT_INIT, at, level),
  toOutput: (at, level) => [{ command: command(OUTPUT_INIT, at, level) }],
  toInput: (at) => [{ command: command(INPUT_INIT, at, SRTM_EVENT.NONE) }],
  toNone: (at) => [{ command: command(INPUT_INIT, at, SRTM_EVENT.NONE) }],
  unmask: (at, type, wakeup) => ({ ...command(INPUT_INIT, at, EVENTS[type]), wakeup }),
  beforeEnable: () => [],
  disable: (at) => [{ command: command(INPUT_INIT, at, SRTM_EVENT.NONE) }],
};

function command(cmd: number, { port, line }: LineAddress, value = 0): Command {
  return { cmd, port, line, value };
}

function inbound(packet: Uint8Array): Inbound {
  const message = decodeSrtm(packet);
  switch (message.type) {
    case 'reply': {
      const { cmd, port, line, retcode, value } = message;
      return { kind: 'reply', status: retcode, value, to: { cmd, port, line } };
    }
    case 'notification':
      return { kind: 'interrupt', port: message.port, line: message.line };
    case 'setup':
      return { kind: 'dropped', reason: 'unknown-kind' };
    case 'dropped':
      return { kind: 'dropped', reason: message.reason };
  }
}

function describe({ cmd, port, line, value }: Command): string {
  const reads = cmd === INPUT_GET || cmd === DIRECTION_GET;
  return `${NAMES[cmd] ?? `command ${cmd}`}${reads ? '' : ` ${value}`} of line ${line} of port ${port}`;
}
