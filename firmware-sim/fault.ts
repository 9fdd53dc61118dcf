import { BridgeError } from '../src/base/errors.js';
import { parsePeriod } from './periods.js';

/** What is to go wrong. */
export type Fault =
  | {
      readonly kind: 'corrupt' | 'drop' /** For each byte on the wire, either way. */;
      readonly probability: number;
    }
  | { readonly kind: 'reboot'; readonly periodNs: number };

const USAGE = 'write corrupt:P, drop:P or reboot:PERIOD';

/** Parses `corrupt:P`, `drop:P` (0 <= P < 1) or `reboot:PERIOD`; throws INVALID_ARGUMENT. */
export function parseFault(text: string): Fault {
  const colon = text.indexOf(':');
  const kind = colon < 0 ? text : text.slice(0, colon);
  const parameter = colon < 0 ? '' : text.slice(colon + 1);
  const what = `fault '${text}'`;
  switch (kind) {
    case 'corrupt':
    case 'drop': {
      const probability = /^\d*\.?\d+(e-?\d+)?$/i.test(parameter) ? Number(parameter) : Number.NaN;
      if (!(probability >= 0 && probability < 1)) {
        const why = `'${parameter}' is no probability from 0 to below 1, as 0.001`;
        throw new BridgeError('INVALID_ARGUMENT', `${what}: ${why}`);
      }
      return { kind, probability };
    }
    case 'reboot':
      return { kind, periodNs: parsePeriod(parameter, what) };
    default:
      throw new BridgeError('INVALID_ARGUMENT', `${what}: '${kind}' is no kind of fault: ${USAGE}`);
  }
}
