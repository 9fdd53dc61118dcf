import type { Observable } from 'rxjs';
import type { Chip } from '../gpio/chip.js';

/** Chips by name, as they come and go. */
export interface ChipSource {
  get(name: string): Chip | undefined;
  /** The name of each chip that came or went. */
  readonly changes$: Observable<string>;
}
