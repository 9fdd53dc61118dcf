import { type Observable, Subject } from 'rxjs';
import type { CoprocessorChip } from './coprocessor-chip.js';

/**
 * The coprocessors' chips by name, from which synthetic chips take their lines. Chips come and go
 * with their coprocessors; whoever follows `changes$` is told the name.
 */
export class ChipDirectory {
  readonly changes$: Observable<string>;
  readonly #chips = new Map<string, CoprocessorChip>();
  readonly #changes = new Subject<string>();

  constructor() {
    this.changes$ = this.#changes.asObservable();
  }

  get names(): readonly string[] {
    return [...this.#chips.keys()];
  }

  get(name: string): CoprocessorChip | undefined {
    return this.#chips.get(name);
  }

  add(chip: CoprocessorChip): void {
    this.#chips.set(chip.name, chip);
    this.#changes.next(chip.name);
  }

  /** Takes this chip out; another one of its name stays. */
  remove(chip: CoprocessorChip): void {
    if (this.#chips.get(chip.name) !== chip) return;
    this.#chips.delete(chip.name);
    this.#changes.next(chip.name);
  }
}
