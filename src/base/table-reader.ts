import type { Problems } from './problems.js';

/** A table of TOML being read: each read checks type and range, and at the end no key may be left. */
export class TableReader {
  readonly #table: Readonly<Record<string, unknown>>;
  readonly #known = new Set<string>();

  /** `path` is the key that the table stands under, '' for the whole file. */
  constructor(
    table: unknown,
    readonly path: string,
    private readonly problems: Problems,
  ) {
    this.#table = isTable(table) ? table : {};
    if (!isTable(table)) problems.add(path, `expected a table, got ${typeName(table)}`);
  }

  /** The full name of a key, for messages. */
  keyOf(key: string): string {
    return this.path === '' ? key : `${this.path}.${key}`;
  }

  problem(key: string, problem: string): void {
    this.problems.add(this.keyOf(key), problem);
  }

  /** Undefined where it is absent or wrong; `check` says what is wrong with it, if anything. */
  string(key: string, check?: (text: string) => string | undefined): string | undefined {
    const value = this.#take(key);
    if (value === undefined) return undefined;
    if (typeof value !== 'string') return this.#wrong(key, 'a string', value);
    const problem = check?.(value);
    if (problem === undefined) return value;
    this.problem(key, problem);
    return undefined;
  }

  /** A string, or a list of strings; none where it is absent. What is wrong is left out. */
  strings(key: string, check?: (text: string) => string | undefined): string[] {
    const value = this.#take(key);
    if (value === undefined) return [];
    const list: unknown[] = Array.isArray(value) ? value : [value];
    return list.flatMap((item) => {
      const problem = typeof item === 'string' ? check?.(item) : 'expected a string or a list of strings';
      if (problem === undefined) return [item as string];
      this.problem(key, typeof item === 'string' ? problem : `${problem}, got ${show(item)}`);
      return [];
    });
  }

  /** A list of anything, which the caller checks; empty where it is absent. */
  list(key: string): readonly unknown[] {
    const value = this.#take(key);
    if (value === undefined || Array.isArray(value)) return value ?? [];
    this.#wrong(key, 'a list', value);
    return [];
  }

  boolean(key: string): boolean | undefined {
    const value = this.#take(key);
    return value === undefined || typeof value === 'boolean'
      ? value
      : this.#wrong(key, 'true or false', value);
  }

  integer(key: string, min: number, max: number): number | undefined {
    const value = this.#take(key);
    if (value === undefined) return undefined;
    if (typeof value !== 'number' || !Number.isInteger(value)) return this.#wrong(key, 'an integer', value);
    if (value >= min && value <= max) return value;
    this.problem(key, `${value} is not within ${min} to ${max}`);
    return undefined;
  }

  oneOf<Choice extends string>(key: string, choices: readonly Choice[]): Choice | undefined {
    const value = this.#take(key);
    if (value === undefined) return undefined;
    const found = choices.find((choice) => choice === value);
    if (found === undefined) this.problem(key, `${show(value)} is none of ${choices.join(', ')}`);
    return found;
  }

  /** A table inside this one; an absent one reads as empty. */
  table(key: string): TableReader {
    return new TableReader(this.#take(key) ?? {}, this.keyOf(key), this.problems);
  }

  /** An array of tables (`[[key]]`). */
  tables(key: string): TableReader[] {
    const value = this.#take(key);
    if (value === undefined) return [];
    if (!Array.isArray(value)) {
      this.problem(key, `write it as [[${this.keyOf(key)}]]`);
      return [];
    }
    return value.map((item, i) => new TableReader(item, `${this.keyOf(key)}[${i}]`, this.problems));
  }

  /** Whether it is there; whoever asks knows the key. */
  has(key: string): boolean {
    this.#known.add(key);
    return this.#table[key] !== undefined;
  }

  /** Every key that nobody asked for is a mistake. */
  finish(): void {
    for (const key of Object.keys(this.#table)) {
      if (this.#known.has(key)) continue;
      const known = [...this.#known].sort().join(', ');
      this.problem(key, `unknown key; known here: ${known}`);
    }
  }

  #take(key: string): unknown {
    this.#known.add(key);
    return this.#table[key];
  }

  #wrong(key: string, wanted: string, value: unknown): undefined {
    this.problem(key, `expected ${wanted}, got ${show(value)}`);
    return undefined;
  }
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function show(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? JSON.stringify(value)
    : typeName(value);
}

function typeName(value: unknown): string {
  if (Array.isArray(value)) return 'an array';
  if (value instanceof Date) return 'a date';
  return typeof value === 'object' ? 'a table' : `a ${typeof value}`;
}
