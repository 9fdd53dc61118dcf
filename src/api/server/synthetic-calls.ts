import type { SyntheticDescription } from '../../gpio/synthetic/description.js';
import {
  LIFETIMES,
  type Lifetime,
  METHOD,
  type WireSynthetic,
  type WireSyntheticLine,
  type WireSyntheticRequest,
} from '../schema.js';
import { countOf, flag, list, oneOf, pageParams, record, text } from './params.js';
import { wirePage } from './wire-shapes.js';

/** Takes away one chip that was made, if it is still there: not another one that has its name by now. */
export type TakeAway = () => Promise<void>;

/** Who makes synthetic chips, for the control socket. */
export interface SyntheticControl {
  /**
   * Makes and serves a chip; rejects with INVALID_ARGUMENT, BUSY, NOT_FOUND, NOT_SUPPORTED,
   * PERMISSION_DENIED, QUEUE_FULL or IO_ERROR.
   */
  make(description: SyntheticDescription, lifetime: Lifetime): Promise<TakeAway>;
  /** Resolves when its lines are free; rejects with NOT_FOUND, or NOT_SUPPORTED for one of the configuration. */
  delete(name: string): Promise<void>;
  list(): readonly WireSynthetic[];
  /** Throws NOT_FOUND. */
  lines(name: string): readonly WireSyntheticLine[];
}

const KEYS: readonly (keyof WireSyntheticRequest)[] = [
  'name',
  'lines',
  'owner',
  'group',
  'mode',
  'shared',
  'lifetime',
];
const MAX_LINES = 512;

/** Calls about synthetic chips on one connection, with which the chips go that were made for it. */
export class SyntheticCalls {
  readonly #control: SyntheticControl;
  /** What takes away the chips that live as long as this connection, by their names. */
  readonly #own = new Map<string, TakeAway>();
  #closed = false;

  constructor(control: SyntheticControl) {
    this.#control = control;
  }

  /** The answer to a call, in a function; undefined where the method is none of these. */
  handler(method: string): ((params: readonly unknown[]) => unknown) | undefined {
    switch (method) {
      case METHOD.SYNTHETIC_MAKE:
        return (params) => this.#make(params);
      case METHOD.SYNTHETIC_DELETE:
        return (params) => this.#delete(params);
      case METHOD.SYNTHETIC_LIST:
        return (params) => page(this.#control.list(), params);
      case METHOD.SYNTHETIC_LINES:
        return (params) => page(this.#control.lines(text(params[0], 'name')), params.slice(1));
      default:
        return undefined;
    }
  }

  /** The connection is gone. */
  close(): void {
    this.#closed = true;
    for (const takeAway of this.#own.values()) takeAway().catch(() => {});
    this.#own.clear();
  }

  async #make(params: readonly unknown[]): Promise<null> {
    countOf(params, 1, 1);
    const { description, lifetime } = syntheticRequest(params[0], 'chip');
    const takeAway = await this.#control.make(description, lifetime);
    if (lifetime !== 'connection') return null;
    if (this.#closed) await takeAway();
    else this.#own.set(description.name, takeAway);
    return null;
  }

  async #delete(params: readonly unknown[]): Promise<null> {
    countOf(params, 1, 1);
    const name = text(params[0], 'name');
    await this.#control.delete(name);
    this.#own.delete(name);
    return null;
  }
}

function page(items: readonly unknown[], params: readonly unknown[]): unknown {
  return wirePage(items.length, (index) => items[index], pageParams(params));
}

function syntheticRequest(
  value: unknown,
  name: string,
): { description: SyntheticDescription; lifetime: Lifetime } {
  const fields = record(value, name, KEYS);
  const given = (key: string) => fields[key] !== undefined && fields[key] !== null;
  const lines = list(fields.lines, `${name}.lines`, MAX_LINES);
  const optional = (key: 'owner' | 'group' | 'mode') =>
    given(key) ? { [key]: text(fields[key], `${name}.${key}`) } : {};
  return {
    description: {
      name: text(fields.name, `${name}.name`),
      lines: lines.map((line, index) => text(line, `${name}.lines[${index}]`)),
      ...optional('owner'),
      ...optional('group'),
      ...optional('mode'),
      shared: given('shared') ? flag(fields.shared, `${name}.shared`) : false,
    },
    lifetime: given('lifetime') ? oneOf(fields.lifetime, `${name}.lifetime`, LIFETIMES) : 'daemon',
  };
}
