import { type Observable, Subject } from 'rxjs';
import type { Chip } from '../../gpio/chip.js';

/** The chips that clients can open now, by name, as they come and go. */
export class ServedChips {
  /** The name of each chip that came or went. */
  readonly changes$: Observable<string>;
  readonly #chips = new Map<string, Chip>();
  readonly #changes = new Subject<string>();

  constructor() {
    this.changes$ = this.#changes.asObservable();
  }

  get(name: string): Chip | undefined {
    return this.#chips.get(name);
  }

  add(chip: Chip): void {
    this.#chips.set(chip.name, chip);
    this.#changes.next(chip.name);
  }

  remove(name: string): void {
    if (this.#chips.delete(name)) this.#changes.next(name);
  }
}
