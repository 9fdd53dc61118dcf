import { BridgeError } from '../../base/errors.js';
import type { Level } from '../../driver/remote-gpio.js';
import { type LineConfig, type LineRequestConfig, MAX_LINES_PER_REQUEST } from '../../gpio/chip.js';
import { MAX_PAGE } from '../schema.js';

/** Checks what clients send; every failure is INVALID_ARGUMENT and names the parameter. */

/** Offsets and ids on the wire. */
const MAX_UINT = 0xffff_ffff;
/** Longest consumer, UTF-16 units. */
const MAX_CONSUMER = 255;
/** Longest line name looked for, UTF-16 units. */
const MAX_NAME = 4_096;

const DIRECTIONS = ['as-is', 'input', 'output'] as const;
const EDGES = ['none', 'rising', 'falling', 'both'] as const;
const CLOCKS = ['monotonic', 'realtime'] as const;
const CONFIG_KEYS = ['direction', 'edges', 'active_low', 'event_clock', 'value', 'debounce_period_us'];
const REQUEST_KEYS = ['consumer', 'offsets', 'config'];

/** Throws unless there are at least `least` and at most `most` parameters. */
export function countOf(params: readonly unknown[], least: number, most: number): void {
  if (params.length >= least && params.length <= most) return;
  const wanted = least === most ? `${least}` : `${least} to ${most}`;
  throw invalid('params', `expected ${wanted} of them, got ${params.length}`);
}

export function uint(value: unknown, name: string, max = MAX_UINT): number {
  const number = typeof value === 'bigint' ? Number(value) : value;
  if (typeof number === 'number' && Number.isInteger(number) && number >= 0 && number <= max) return number;
  throw invalid(name, `expected an integer from 0 to ${max}`);
}

export function text(value: unknown, name: string, max = MAX_NAME): string {
  if (typeof value === 'string' && value.length <= max) return value;
  throw invalid(name, `expected a string of at most ${max} characters`);
}

export function oneOf<Choice extends string>(
  value: unknown,
  name: string,
  choices: readonly Choice[],
): Choice {
  const found = choices.find((choice) => choice === value);
  if (found !== undefined) return found;
  throw invalid(name, `expected one of ${choices.join(', ')}`);
}

export function flag(value: unknown, name: string): boolean {
  if (typeof value === 'boolean') return value;
  throw invalid(name, 'expected true or false');
}

function level(value: unknown, name: string): Level {
  return uint(value, name, 1) as Level;
}

export function list(value: unknown, name: string, max: number): readonly unknown[] {
  if (Array.isArray(value) && value.length <= max) return value;
  throw invalid(name, `expected an array of at most ${max} values`);
}

export function record(
  value: unknown,
  name: string,
  keys: readonly string[],
): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Date) {
    throw invalid(name, 'expected a map');
  }
  for (const key of Object.keys(value)) {
    if (!keys.includes(key)) throw invalid(`${name}.${key}`, `unknown key; known are ${keys.join(', ')}`);
  }
  return value as Readonly<Record<string, unknown>>;
}

/** The parameters of a paged list. */
export function pageParams(params: readonly unknown[]): { offset: number; count: number } {
  countOf(params, 0, 2);
  const offset = params[0] === undefined || params[0] === null ? 0 : uint(params[0], 'offset');
  const count = params[1] === undefined || params[1] === null ? MAX_PAGE : uint(params[1], 'count');
  if (count === 0) throw invalid('count', 'expected at least 1');
  return { offset, count: Math.min(count, MAX_PAGE) };
}

/** Offsets of lines: at least one, each once. */
export function offsets(value: unknown, name: string): number[] {
  const all = list(value, name, MAX_LINES_PER_REQUEST).map((item, i) => uint(item, `${name}[${i}]`));
  if (all.length === 0) throw invalid(name, 'at least one line must be named');
  if (new Set(all).size !== all.length) throw invalid(name, 'a line is named twice');
  return all;
}

/** Values to set: [[offset, value], ...]. */
export function lineValues(value: unknown, name: string): ReadonlyMap<number, Level> {
  const values = new Map<number, Level>();
  for (const [i, pair] of list(value, name, MAX_LINES_PER_REQUEST).entries()) {
    const [offset, wanted] = list(pair, `${name}[${i}]`, 2);
    const line = uint(offset, `${name}[${i}][0]`);
    if (values.has(line)) throw invalid(`${name}[${i}][0]`, `line ${line} is named twice`);
    values.set(line, level(wanted, `${name}[${i}][1]`));
  }
  if (values.size === 0) throw invalid(name, 'at least one line must be named');
  return values;
}

export function requestConfig(value: unknown, name: string): LineRequestConfig {
  const fields = record(value, name, REQUEST_KEYS);
  const consumer = text(fields.consumer, `${name}.consumer`, MAX_CONSUMER);
  // Others see it: it must neither move their terminals nor be something that their decoders refuse.
  if (/[\p{Cc}\p{Cs}]/u.test(consumer)) {
    throw invalid(`${name}.consumer`, 'control characters and lone surrogates are not accepted');
  }
  const lines = offsets(fields.offsets, `${name}.offsets`);
  return { consumer, offsets: lines, config: lineConfigs(fields.config, `${name}.config`, lines.length) };
}

/** One configuration for all lines, or one for each of `lines`. */
export function lineConfigs(value: unknown, name: string, lines: number): LineConfig | readonly LineConfig[] {
  if (!Array.isArray(value)) return lineConfig(value, name);
  if (value.length !== lines)
    throw invalid(name, `expected one for each of the ${lines} lines, got ${value.length}`);
  return value.map((item, i) => lineConfig(item, `${name}[${i}]`));
}

function lineConfig(value: unknown, name: string): LineConfig {
  const fields = record(value, name, CONFIG_KEYS);
  const given = (key: string) => fields[key] !== undefined && fields[key] !== null;
  return {
    direction: oneOf(fields.direction, `${name}.direction`, DIRECTIONS),
    edges: given('edges') ? oneOf(fields.edges, `${name}.edges`, EDGES) : 'none',
    activeLow: given('active_low') ? flag(fields.active_low, `${name}.active_low`) : false,
    eventClock: given('event_clock') ? oneOf(fields.event_clock, `${name}.event_clock`, CLOCKS) : 'monotonic',
    ...(given('value') ? { value: level(fields.value, `${name}.value`) } : {}),
    ...(given('debounce_period_us')
      ? { debouncePeriodUs: uint(fields.debounce_period_us, `${name}.debounce_period_us`) }
      : {}),
  };
}

function invalid(name: string, problem: string): BridgeError {
  return new BridgeError('INVALID_ARGUMENT', `${name}: ${problem}`);
}
