import { readFileSync, renameSync, writeFileSync } from 'node:fs';

/** A boot_id as it stands in the file. */
const LINE = /^(\S+) ([0-9]+)$/;

/**
 * The last boot_id of each coprocessor, kept in the runtime directory so that a daemon that was
 * restarted can tell whether the firmware was, and drops no output if not. One line each: name and
 * number. A file that is missing or damaged only means that nothing is known.
 */
export class BootIds {
  readonly #path: string;
  readonly #ids = new Map<string, number>();
  readonly #onError: (error: unknown) => void;

  constructor(path: string, onError: (error: unknown) => void) {
    this.#path = path;
    this.#onError = onError;
    for (const line of readLines(path)) {
      const [, name, text] = LINE.exec(line) ?? [];
      const id = Number(text);
      if (name !== undefined && id > 0 && id <= 0xffff_ffff) this.#ids.set(name, id);
    }
  }

  get(coprocessor: string): number | undefined {
    return this.#ids.get(coprocessor);
  }

  /** Written at once, and whole or not at all. */
  set(coprocessor: string, id: number | undefined): void {
    if (this.#ids.get(coprocessor) === id) return;
    if (id === undefined) this.#ids.delete(coprocessor);
    else this.#ids.set(coprocessor, id);
    const lines = [...this.#ids].map(([name, known]) => `${name} ${known}\n`);
    try {
      writeFileSync(`${this.#path}.new`, lines.join(''), { mode: 0o600 });
      renameSync(`${this.#path}.new`, this.#path);
    } catch (error) {
      this.#onError(error);
    }
  }
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch {
    return [];
  }
}
