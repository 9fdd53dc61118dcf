/**
 * Hands values from callbacks to one `for await` loop. What waits is kept by the owner, who is
 * asked for it: the queue itself keeps nothing.
 */
export class AsyncHandover<Value> {
  #wake: (() => void) | undefined;
  #used = false;
  readonly #take: () => Value | undefined;
  readonly #finished: () => { readonly error?: Error } | undefined;

  /**
   * `take` gives the next value, or undefined when there is none now; `finished` says whether none
   * will come any more, and why.
   */
  constructor(take: () => Value | undefined, finished: () => { readonly error?: Error } | undefined) {
    this.#take = take;
    this.#finished = finished;
  }

  /** There is something to take, or it is finished. */
  wake(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  /** The values, for one consumer; `onReturn` runs when it leaves the loop. */
  async *values(onReturn: () => void = () => {}): AsyncGenerator<Value, void, undefined> {
    if (this.#used) throw new Error('these events have a consumer already');
    this.#used = true;
    try {
      for (;;) {
        const value = this.#take();
        if (value !== undefined) {
          yield value;
          continue;
        }
        const finished = this.#finished();
        if (finished !== undefined) {
          if (finished.error !== undefined) throw finished.error;
          return;
        }
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      this.#used = false;
      onReturn();
    }
  }
}
