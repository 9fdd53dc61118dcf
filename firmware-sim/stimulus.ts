import { BridgeError } from '../src/base/errors.js';
import { BOUNCE_MAX_NS } from './bounce-source.js';
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
    }
  /** A mechanical contact: every period the level changes, in this odd number of edges with short random pauses. */
  | {
      readonly kind: 'bounce';
      readonly controller: number;
      readonly line: number | string;
      readonly periodNs: number;
      readonly edges: number;
    }
  /** The wires of a Value Change Dump play on the lines of the same names, once. */
  | { readonly kind: 'replay'; readonly controller: number; readonly path: string };

/** The most edges of one bounce. */
const MAX_BOUNCE_EDGES = 999;

const FORMS: Readonly<Record<string, string>> = {
  toggle: 'toggle:LINE:PERIOD',
  pulse: 'pulse:LINE:PERIOD:WIDTH',
  random: 'random:FIRST-LAST:EDGES_PER_SECOND',
  bounce: 'bounce:LINE:PERIOD:EDGES',
  replay: 'replay:FILE.vcd',
};
const USAGE = `write ${Object.values(FORMS).join(', ')}`;
/** Parameters after the line, or lines. */
const PARAMETERS: ReadonlyMap<string, number> = new Map([
  ['toggle', 1],
  ['pulse', 2],
  ['random', 1],
  ['bounce', 2],
]);

type Refusal = (why: string) => BridgeError;

/**
 * Parses `toggle:LINE:PERIOD`, `pulse:LINE:PERIOD:WIDTH`, `random:FIRST-LAST:EDGES_PER_SECOND`,
 * `bounce:LINE:PERIOD:EDGES` or `replay:FILE`; lines are offsets or names, `CONTROLLER:LINE` (but
 * `FILE:CONTROLLER`) where there are several controllers. Throws INVALID_ARGUMENT.
 */
export function parseStimulus(text: string): Stimulus {
  const what = `stimulus '${text}'`;
  const bad: Refusal = (why) => new BridgeError('INVALID_ARGUMENT', `${what}: ${why}`);
  const [kind = '', ...parts] = text.split(':');
  if (kind === 'replay') return replayStimulus(text.slice('replay:'.length), bad);
  const parameters = PARAMETERS.get(kind);
  if (parameters === undefined) throw bad(`'${kind}' is no kind of stimulus: ${USAGE}`);
  const target = parts.slice(0, Math.max(0, parts.length - parameters));
  if (target.length < 1 || target.length > 2 || target.includes('')) throw bad(`write ${FORMS[kind]}`);
  const controller = target.length === 2 ? controllerNumber(target[0]!, bad) : 1;
  const line = target.at(-1)!;
  const last = parts.at(-1)!;
  if (kind === 'random') return randomStimulus(controller, line, last, bad);
  const of = { controller, line: lineReference(line) };
  if (kind === 'toggle') return { kind, ...of, periodNs: parsePeriod(last, what) };
  const periodNs = parsePeriod(parts.at(-2)!, what);
  if (kind === 'bounce') return { kind, ...of, periodNs, edges: bounceEdges(last, periodNs, bad) };
  const widthNs = parsePeriod(last, what);
  if (widthNs >= periodNs) throw bad('the width must be less than the period');
  return { kind: 'pulse', ...of, periodNs, widthNs };
}

/** A path may have colons; only a number behind the last is a controller's. */
function replayStimulus(text: string, bad: Refusal): Stimulus {
  const match = /^(.*):(\d+)$/.exec(text);
  const path = match?.[1] ?? text;
  if (path === '') throw bad(`write ${FORMS.replay}`);
  return { kind: 'replay', controller: controllerNumber(match?.[2] ?? '1', bad), path };
}

function bounceEdges(text: string, periodNs: number, bad: Refusal): number {
  const edges = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(edges >= 1 && edges <= MAX_BOUNCE_EDGES && edges % 2 === 1)) {
    throw bad(`'${text}' is no number of edges: an odd number from 1 to ${MAX_BOUNCE_EDGES}`);
  }
  const longestNs = (edges - 1) * BOUNCE_MAX_NS;
  if (longestNs >= periodNs) {
    throw bad(`${edges} edges may take ${longestNs / 1e6}ms: the period must be longer`);
  }
  return edges;
}

function controllerNumber(text: string, bad: Refusal): number {
  const controller = Number(text);
  if (Number.isInteger(controller) && controller >= 1) return controller;
  throw bad(`'${text}' is no controller's number`);
}

function randomStimulus(controller: number, lines: string, rate: string, bad: Refusal): Stimulus {
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
