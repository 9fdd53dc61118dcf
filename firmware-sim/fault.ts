import { BridgeError } from '../src/base/errors.js';
import { parseDuration, parsePeriod } from './periods.js';

/** What goes wrong with the bytes between the coprocessor and the host. */
export type WireFault =
  /** For each byte on the wire, either way: it arrives as another one, or not at all. 0 ends it. */
  | { readonly kind: 'corrupt' | 'drop'; readonly probability: number }
  /** For each frame on the wire, either way: it arrives twice. 0 ends it. */
  | { readonly kind: 'duplicate'; readonly probability: number }
  /** All bytes arrive this much later, in their order. 0 ends it. */
  | { readonly kind: 'delay'; readonly delayNs: number }
  /** At the end of every period nothing passes for `lengthNs`, then all of it in order. A length of 0 ends it. */
  | { readonly kind: 'stall'; readonly periodNs: number; readonly lengthNs: number };

/**
 * What goes wrong with the messages of a dialect in which each is by itself. Probabilities are 0 to 1;
 * 0 ends the fault.
 */
export type MessageFault =
  /** For each message, either way: it is lost, or it arrives twice. */
  | { readonly kind: 'lose' | 'repeat'; readonly probability: number }
  /** For each request: it is not answered, or refused, and not done. */
  | { readonly kind: 'silent' | 'refuse'; readonly probability: number }
  /** Answers leave this much later; interrupts do not. 0 ends it. */
  | { readonly kind: 'late'; readonly delayNs: number };

/** What is to go wrong. */
export type Fault =
  | WireFault
  | MessageFault
  /** The firmware restarts every period, and has lost all its state. */
  | { readonly kind: 'reboot'; readonly periodNs: number }
  /** Every period the firmware is gone for `lengthNs`, ports included, and then starts. A length of 0 ends it. */
  | { readonly kind: 'crash'; readonly periodNs: number; readonly lengthNs: number }
  /** The device's clock gains this many microseconds a second on the host's; below 0 it loses. */
  | { readonly kind: 'drift'; readonly ppm: number };

/** The most that a clock may drift, either way. A driver reckons with {@link SPECIFIED_DRIFT_PPM}. */
export const MAX_DRIFT_PPM = 100_000;
/** What crystals keep to, and what a host's bound for the error of times rests on. */
export const SPECIFIED_DRIFT_PPM = 500;

const MESSAGE_FAULTS: readonly string[] = ['lose', 'repeat', 'silent', 'refuse', 'late'];

const USAGE =
  'write corrupt:P, drop:P, duplicate:P, delay:TIME, stall:PERIOD:TIME, drift:PPM, reboot:PERIOD, ' +
  'crash:PERIOD:TIME, lose:P, repeat:P, silent:P, refuse:P or late:TIME';

export function isMessageFault(fault: Fault): fault is MessageFault {
  return MESSAGE_FAULTS.includes(fault.kind);
}

/**
 * Parses `corrupt:P`, `drop:P`, `duplicate:P` (0 <= P < 1), `delay:TIME`, `stall:PERIOD:TIME`,
 * `drift:PPM`, `reboot:PERIOD`, `crash:PERIOD:TIME`, `lose:P`, `repeat:P`, `silent:P`, `refuse:P`
 * (0 <= P <= 1) or `late:TIME`; throws INVALID_ARGUMENT.
 */
export function parseFault(text: string): Fault {
  const colon = text.indexOf(':');
  const kind = colon < 0 ? text : text.slice(0, colon);
  const parameter = colon < 0 ? '' : text.slice(colon + 1);
  const what = `fault '${text}'`;
  switch (kind) {
    case 'corrupt':
    case 'drop':
    case 'duplicate':
      return { kind, probability: probabilityOf(parameter, what) };
    case 'delay':
    case 'late':
      return { kind, delayNs: parseDuration(parameter, what) };
    case 'lose':
    case 'repeat':
    case 'silent':
    case 'refuse':
      return { kind, probability: parameter === '1' ? 1 : probabilityOf(parameter, what, 'to 1') };
    case 'stall':
    case 'crash':
      return { kind, ...periodAndLength(kind, parameter, what) };
    case 'drift':
      return { kind, ppm: ppmOf(parameter, what) };
    case 'reboot':
      return { kind, periodNs: parsePeriod(parameter, what) };
    default:
      throw new BridgeError('INVALID_ARGUMENT', `${what}: '${kind}' is no kind of fault: ${USAGE}`);
  }
}

function probabilityOf(text: string, what: string, range = 'to below 1'): number {
  const probability = /^\d*\.?\d+(e-?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
  if (probability >= 0 && probability < 1) return probability;
  const why = `'${text}' is no probability from 0 ${range}, as 0.001`;
  throw new BridgeError('INVALID_ARGUMENT', `${what}: ${why}`);
}

function periodAndLength(
  kind: string,
  text: string,
  what: string,
): { readonly periodNs: number; readonly lengthNs: number } {
  const parts = text.split(':');
  if (parts.length !== 2) throw new BridgeError('INVALID_ARGUMENT', `${what}: write ${kind}:PERIOD:TIME`);
  const periodNs = parsePeriod(parts[0]!, what);
  const lengthNs = parseDuration(parts[1]!, what);
  if (lengthNs >= periodNs) {
    throw new BridgeError('INVALID_ARGUMENT', `${what}: the time must be less than the period`);
  }
  return { periodNs, lengthNs };
}

function ppmOf(text: string, what: string): number {
  const ppm = /^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (Math.abs(ppm) <= MAX_DRIFT_PPM) return ppm;
  const range = `parts in a million from -${MAX_DRIFT_PPM} to ${MAX_DRIFT_PPM}`;
  throw new BridgeError('INVALID_ARGUMENT', `${what}: '${text}' is no drift: ${range}`);
}
