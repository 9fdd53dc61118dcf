import type { BridgeError } from '../../base/errors.js';
import { AsyncHandover } from './async-handover.js';

/** Changes kept for one watcher; a slow one loses the oldest. */
const MAX_WAITING = 1_024;

/** Changes of one kind, for any number of watchers. */
export class Watchers<Change> {
  readonly #watchers = new Set<(change: Change) => void>();
  readonly #enders = new Set<() => void>();
  #closed: BridgeError | undefined;

  /** A change for everybody who watches now. */
  emit(change: Change): void {
    for (const watcher of this.#watchers) watcher(change);
  }

  /** The connection is gone. */
  close(error: BridgeError): void {
    this.#closed = error;
    for (const end of this.#enders) end();
  }

  /**
   * Changes from now on. `start` runs after this watcher is in place; what it returns comes first.
   * Ends quietly when the connection was closed on purpose, else throws.
   */
  async *watch(start: () => Promise<readonly Change[]>): AsyncGenerator<Change, void, undefined> {
    const waiting: Change[] = [];
    const handover = new AsyncHandover<Change>(
      () => waiting.shift(),
      () => this.#finished(),
    );
    const add = (change: Change) => {
      waiting.push(change);
      if (waiting.length > MAX_WAITING) waiting.shift();
      handover.wake();
    };
    const end = () => handover.wake();
    this.#watchers.add(add);
    this.#enders.add(end);
    try {
      waiting.unshift(...(await start()));
      yield* handover.values();
    } finally {
      this.#watchers.delete(add);
      this.#enders.delete(end);
    }
  }

  #finished(): { error?: Error } | undefined {
    if (this.#closed === undefined) return undefined;
    return this.#closed.name === 'CLOSED' ? {} : { error: this.#closed };
  }
}
