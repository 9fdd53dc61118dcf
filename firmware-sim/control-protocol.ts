/**
 * The control socket of a simulated coprocessor: a Unix stream socket with one JSON object a line
 * in both directions, answers in the order of the requests.
 *
 *     {"id":1,"command":"pin","line":"DOOR"}                 -> {"id":1,"result":{"controller":1,"line":10,"name":"DOOR","direction":"input","level":0}}
 *     {"id":2,"command":"drive","line":10,"level":1}         -> {"id":2,"result":{...the pin as it is then,"driven_ns":"1234567890"}}
 *     {"id":3,"command":"reboot"}                            -> {"id":3,"result":{"boot_id":2717014113,"boots":2}}
 *     {"id":4,"command":"stats"}                             -> {"id":4,"result":{"boot_id":...,"boots":2,"lines":[{"controller":1,"line":10,"name":"DOOR","sensed":3,...}],"total":{...},"bus":{...},"wire":{...}}}
 *
 * `line` is an offset or a name, `controller` (1 unless given) whose; `id` is any JSON value, echoed.
 * What goes wrong is answered `{"id":...,"error":{"name":"NOT_FOUND","message":"..."}}`; a line that
 * is no JSON object, or longer than 64 KiB, is answered so too and ends the connection.
 */
import { BridgeError, toBridgeError } from '../src/base/errors.js';
import type { SimulatedCoprocessor } from './coprocessor.js';
import type { PinState } from './pin-state.js';
import type { CoprocessorStats } from './stats.js';

export type ControlRequest =
  | { readonly command: 'pin'; readonly line: number | string; readonly controller?: number }
  | {
      readonly command: 'drive';
      readonly line: number | string;
      readonly level: 0 | 1;
      readonly controller?: number;
    }
  | { readonly command: 'reboot' }
  | { readonly command: 'stats' };

export interface ControlResults {
  readonly pin: PinState;
  /** With the moment it was driven, CLOCK_MONOTONIC: to see how long an edge takes to somewhere. */
  readonly drive: PinState & { readonly driven_ns: string };
  readonly reboot: { readonly boot_id: number; readonly boots: number };
  readonly stats: Omit<CoprocessorStats, 'bootId'> & { readonly boot_id: number };
}

export type ControlAnswer =
  | { readonly id: unknown; readonly result: unknown }
  | { readonly id: unknown; readonly error: { readonly name: string; readonly message: string } };

/** The longest line either side takes, characters. Answers with many lines' statistics are long. */
export const MAX_REQUEST_LINE = 64 * 1024;

/** Parses one line; throws PROTOCOL_ERROR when it is no JSON object. */
export function parseControlLine(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new BridgeError('PROTOCOL_ERROR', 'a request is one JSON object on a line of its own');
}

/** Does what a request asks for. Never throws. */
export function answerControl(
  coprocessor: SimulatedCoprocessor,
  request: Record<string, unknown>,
): ControlAnswer {
  const { id = null } = request;
  try {
    return { id, result: perform(coprocessor, request) };
  } catch (thrown) {
    const { name, message } = toBridgeError(thrown);
    return { id, error: { name, message } };
  }
}

function perform(coprocessor: SimulatedCoprocessor, request: Record<string, unknown>): unknown {
  const { command } = request;
  switch (command) {
    case 'pin':
      return coprocessor.pin(...lineOf(request));
    case 'drive': {
      const [line, controller] = lineOf(request);
      const { level } = request;
      if (level !== 0 && level !== 1) throw new BridgeError('INVALID_ARGUMENT', "'level' must be 0 or 1");
      const drivenNs = coprocessor.time.monotonicNs();
      coprocessor.drive(line, level, controller);
      return { ...coprocessor.pin(line, controller), driven_ns: `${drivenNs}` };
    }
    case 'reboot': {
      coprocessor.reboot();
      const { bootId, boots } = coprocessor.stats();
      return { boot_id: bootId, boots };
    }
    case 'stats': {
      const { bootId, ...stats } = coprocessor.stats();
      return { boot_id: bootId, ...stats };
    }
    default: {
      const known = 'pin, drive, reboot and stats';
      throw new BridgeError('INVALID_ARGUMENT', `no command ${JSON.stringify(command)}: there are ${known}`);
    }
  }
}

function lineOf({ line, controller = 1 }: Record<string, unknown>): [number | string, number] {
  if (typeof line !== 'string' && !Number.isInteger(line)) {
    throw new BridgeError('INVALID_ARGUMENT', "'line' must be an offset or a name");
  }
  if (!Number.isInteger(controller)) {
    throw new BridgeError('INVALID_ARGUMENT', "'controller' must be a number from 1");
  }
  return [line as number | string, controller as number];
}
