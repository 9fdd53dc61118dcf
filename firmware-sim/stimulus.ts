import { BridgeError } from '../src/base/errors.js';
import { parsePeriod } from './periods.js';

/** The most edges a second of one stimulus. */
export const MAX_RATE = 1_000_000;

/** What the world does to pins. Lines are offsets or names; controllers count from 1. */
export type Stimulus =
  /** The level changes every period. */
  | {
      readonly kind: 'toggle';
      readonly controller: number;
      readonly line: number | string;
      readonly periodNs: number;
    }
  /** Every period the level is 1 for the width, then 0. */
  | {
      readonly kind: 'pulse';
      readonly controller: number;
      readonly line: number | string;
      readonly periodNs: number;
      readonly widthNs: number;
    }
  /** One of the lines first..last changes its level, at random moments: a Poisson process of this rate over all. */
  | {
      readonly kind: 'random';
      readonly controller: number;
      readonly first: number;
      readonly last: number;
      readonly edgesPerSecond: number;
    };

const USAGE = 'write toggle:LINE:PERIOD, pulse:LINE:PERIOD:WIDTH or random:FIRST-LAST:EDGES_PER_SECOND';

/**
 * Parses `toggle:LINE:PERIOD`, `pulse:LINE:PERIOD:WIDTH` or `random:FIRST-LAST:EDGES_PER_SECOND`;
 * lines are offsets or names, `CONTROLLER:LINE` where there are several. Throws INVALID_ARGUMENT.
 */
export function parseStimulus(text: string): Stimulus {
  const [kind, ...parts] = text.split(':');
  const bad = (why: string) => new BridgeError('INVALID_ARGUMENT', `stimulus '${text}': ${why}`);
  const parameters = kind === 'toggle' || kind === 'random' ? 1 : kind === 'pulse' ? 2 : 0;
  if (parameters === 0) throw bad(`'${kind}' is no kind of stimulus: ${USAGE}`);
  const target = parts.slice(0, parts.length - parameters);
  if (target.length < 1 || target.length > 2 || target.includes('')) throw bad(USAGE);
  const controller = target.length === 2 ? Number(target[0]) : 1;
  if (!Number.isInteger(controller) || controller < 1) throw bad(`'${target[0]}' is no controller's number`);
  const line = target[target.length - 1]!;
  const last = parts[parts.length - 1]!;
  if (kind === 'random') return randomStimulus(controller, line, last, bad);
  const what = `stimulus '${text}'`;
  if (kind === 'toggle') {
    return { kind, controller, line: lineReference(line), periodNs: parsePeriod(last, what) };
  }
  const periodNs = parsePeriod(parts[parts.length - 2]!, what);
  const widthNs = parsePeriod(last, what);
  if (widthNs >= periodNs) throw bad('the width must be less than the period');
  return { kind: 'pulse', controller, line: lineReference(line), periodNs, widthNs };
}

function randomStimulus(
  controller: number,
  lines: string,
  rate: string,
  bad: (why: string) => Error,
): Stimulus {
  const range = /^(\d+)-(\d+)$/.exec(lines);
  if (range === null) throw bad(`'${lines}' is no range of lines: write FIRST-LAST, as 0-15`);
  const [first, last] = [Number(range[1]), Number(range[2])];
  if (first > last) throw bad(`the range ${lines} ends before it begins`);
  const edgesPerSecond = /^\d+(\.\d+)?$/.test(rate) ? Number(rate) : Number.NaN;
  if (!(edgesPerSecond > 0 && edgesPerSecond <= MAX_RATE)) {
    throw bad(`'${rate}' is no rate: edges a second, above 0 and up to ${MAX_RATE}`);
  }
  return { kind: 'random', controller, first, last, edgesPerSecond };
}

/** An offset where it looks like one, else a name. */
export function lineReference(text: string): number | string {
  return /^\d+$/.test(text) ? Number(text) : text;
}
