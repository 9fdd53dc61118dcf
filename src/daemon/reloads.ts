/**
 * Runs reloads one after the other. Asking while one is under way means one more after it, however
 * often: whatever changed in the file by then is read by that one.
 */
export class Reloads {
  readonly #reload: () => Promise<void>;
  #running = false;
  #again = false;

  /** `reload` never rejects. */
  constructor(reload: () => Promise<void>) {
    this.#reload = reload;
  }

  ask(): void {
    if (this.#running) this.#again = true;
    else void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    do {
      this.#again = false;
      await this.#reload();
    } while (this.#again);
    this.#running = false;
  }
}
