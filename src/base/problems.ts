import { BridgeError } from './errors.js';

/** A configuration that is not valid; `problems` has every error, each `KEY: what is wrong`. */
export class ConfigInvalid extends BridgeError {
  constructor(readonly problems: readonly string[]) {
    super('CONFIG_INVALID', problems.join('; '));
  }
}

/** Collects what is wrong, so that all of it can be said at once. */
export class Problems {
  readonly #found: string[] = [];

  add(key: string, problem: string): void {
    this.#found.push(key === '' ? problem : `${key}: ${problem}`);
  }

  /** Throws {@link ConfigInvalid} if anything was wrong. */
  throwIfAny(): void {
    if (this.#found.length > 0) throw new ConfigInvalid(this.#found);
  }
}
