import type { WireSynthetic, WireSyntheticLine } from '../../api/schema.js';
import { type LineSpec, parseLineSpecs } from '../../gpio/synthetic/line-spec.js';
import type { StoredChip } from '../state/chip-store.js';
import { wireSynthetic } from './wire-synthetic.js';

interface UnservedChip {
  readonly stored: StoredChip;
  readonly reason: string;
}

/**
 * Chips that an earlier daemon kept and this one could not make again. Their names stay theirs until
 * they are deleted: they are kept, and tried again with another configuration and by the next daemon.
 */
export class UnservedChips {
  readonly #chips = new Map<string, UnservedChip>();

  add(stored: StoredChip, problem: string): void {
    this.#chips.set(stored.description.name, { stored, reason: `not served: ${problem}` });
  }

  delete(name: string): boolean {
    return this.#chips.delete(name);
  }

  get(name: string): StoredChip | undefined {
    return this.#chips.get(name)?.stored;
  }

  get names(): readonly string[] {
    return [...this.#chips.keys()];
  }

  /** Where such a chip is kept and why it is not there; undefined: there is none of this name. */
  describe(name: string): string | undefined {
    const chip = this.#chips.get(name);
    return chip === undefined
      ? undefined
      : `persistent chip '${name}' is kept (${chip.stored.file}), ${chip.reason}`;
  }

  list(): readonly WireSynthetic[] {
    return [...this.#chips.values()].map(({ stored: { description }, reason }) =>
      wireSynthetic(description, { lifetime: 'persistent', state: { kind: 'down', reason } }),
    );
  }

  /** The lines as they are written down; undefined: there is no such chip. */
  lines(name: string): readonly WireSyntheticLine[] | undefined {
    const chip = this.#chips.get(name);
    if (chip === undefined) return undefined;
    const specs = parseLineSpecs(chip.stored.description.lines);
    return specs.map((spec, offset) => ({
      offset,
      name: nameOf(spec) ?? null,
      parent: spec.parent,
      parent_offset: null,
      consumer: null,
      through_chip: null,
      unavailable: chip.reason,
    }));
  }
}

function nameOf({ rename, line }: LineSpec): string | undefined {
  return rename ?? (typeof line === 'string' ? line : undefined);
}
