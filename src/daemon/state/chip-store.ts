import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Place } from '../../api/runtime-dir.js';
import { BridgeError, messageOf } from '../../base/errors.js';
import { checkPrivateDirectory } from '../../base/private-directory.js';
import type { SyntheticDescription } from '../../gpio/synthetic/description.js';
import { readStoredChip, storedChipText } from './stored-chip.js';
import { makeFolder, removeWhole, UNFINISHED, writeWhole } from './whole-file.js';

/** Of a file that could not be read as a chip: it is put aside under this ending, for somebody to look at. */
const DAMAGED = '.damaged';
const ENDING = '.json';

/** A chip that was read back, and the file that it is in. */
export interface StoredChip {
  readonly description: SyntheticDescription;
  readonly file: string;
}

/** A file that was put aside. */
export interface DamagedChip {
  /** Where it is now. */
  readonly file: string;
  readonly problem: string;
}

/**
 * The synthetic chips that outlive the daemon: a file for each in the folder `chips` of the state
 * directory, so that damage to one harms no other. A crash at any moment leaves each as it was before
 * or as it is to be.
 */
export class ChipStore {
  readonly #place: Place | undefined;
  /** Writes and removals, one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  /** `place` undefined: there is no state directory, and nothing can be kept. */
  constructor(place: Place | undefined) {
    this.#place = place;
  }

  /**
   * What was kept, in the order of names; files whose content is no chip are put aside. Throws
   * PERMISSION_DENIED where others could have written them, IO_ERROR where one cannot be read: what
   * is in it may be whole.
   */
  load(): { readonly chips: readonly StoredChip[]; readonly damaged: readonly DamagedChip[] } {
    const chips: StoredChip[] = [];
    const damaged: DamagedChip[] = [];
    if (this.#place === undefined || !existsSync(this.#folder)) return { chips, damaged };
    checkPrivateDirectory(this.#place.dir, this.#what);
    checkPrivateDirectory(this.#folder, 'folder of the state directory');
    for (const name of this.#listed()) {
      const file = join(this.#folder, name);
      if (UNFINISHED.test(name)) rmSync(file, { force: true });
      if (!name.endsWith(ENDING)) continue;
      const text = this.#read(file);
      try {
        chips.push({ description: readStoredChip(text, name.slice(0, -ENDING.length)), file });
      } catch (thrown) {
        damaged.push(putAside(file, messageOf(thrown)));
      }
    }
    return { chips, damaged };
  }

  /** Keeps a chip, in place of one of its name; resolves when it is on the disk. Rejects with NOT_SUPPORTED or IO_ERROR. */
  save(description: SyntheticDescription): Promise<void> {
    return this.#inTurn(async () => {
      await this.#makeFolder();
      await writeWhole(this.#fileOf(description.name), storedChipText(description));
    });
  }

  /** Forgets a chip; resolves when that is on the disk. Does nothing for one that was not kept. */
  remove(name: string): Promise<void> {
    return this.#inTurn(async () => {
      if (this.has(name)) await removeWhole(this.#fileOf(name));
    });
  }

  /** Whether a chip of this name is kept. */
  has(name: string): boolean {
    return this.#place !== undefined && existsSync(this.#fileOf(name));
  }

  /** Throws NOT_SUPPORTED where there is no place to keep anything in. */
  checkUsable(): void {
    if (this.#place !== undefined) return;
    throw new BridgeError(
      'NOT_SUPPORTED',
      'this daemon has no state directory to keep chips in: start it with --state-dir',
    );
  }

  get #folder(): string {
    return join(this.#place?.dir ?? '', 'chips');
  }

  get #what(): string {
    return `state directory (${this.#place?.source})`;
  }

  #fileOf(chip: string): string {
    return join(this.#folder, `${chip}${ENDING}`);
  }

  #listed(): string[] {
    try {
      return readdirSync(this.#folder).sort();
    } catch (thrown) {
      throw new BridgeError('IO_ERROR', `${this.#what}: ${messageOf(thrown)}`, { cause: thrown });
    }
  }

  #read(file: string): string {
    try {
      return readFileSync(file, 'utf8');
    } catch (thrown) {
      throw new BridgeError('IO_ERROR', `stored chip '${file}' cannot be read: ${messageOf(thrown)}`, {
        cause: thrown,
      });
    }
  }

  async #makeFolder(): Promise<void> {
    this.checkUsable();
    await makeFolder(this.#folder, this.#what, 0o700);
    checkPrivateDirectory(this.#place!.dir, this.#what);
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const result = this.#turn.then(work).catch((thrown: unknown) => {
      if (thrown instanceof BridgeError) throw thrown;
      throw new BridgeError(
        'IO_ERROR',
        `${this.#what} '${this.#place?.dir}' cannot be written: ${messageOf(thrown)}`,
        { cause: thrown },
      );
    });
    this.#turn = result.catch(() => {});
    return result;
  }
}

/** Out of the way of the next chip of that name, and not lost. */
function putAside(file: string, problem: string): DamagedChip {
  try {
    renameSync(file, `${file}${DAMAGED}`);
    return { file: `${file}${DAMAGED}`, problem };
  } catch {
    return { file, problem };
  }
}
