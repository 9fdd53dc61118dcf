/** One procedure at a time for each line; others wait for their turn. */
export class LineTurns {
  private readonly last = new Map<number, Promise<unknown>>();

  /** Runs `work` after what came before on this line; at once when nothing is going on. */
  take<T>(line: number, work: () => Promise<T>): Promise<T> {
    const before = this.last.get(line);
    const turn = before === undefined ? start(work) : before.then(work, work);
    // Nobody listens to this copy: the caller hears of a failure from the turn itself.
    const done: Promise<unknown> = turn
      .catch(() => {})
      .then(() => {
        if (this.last.get(line) === done) this.last.delete(line);
      });
    this.last.set(line, done);
    return turn;
  }

  /** Resolves when the procedures of now are over; undefined where there is none: then do not wait at all. */
  current(line: number): Promise<unknown> | undefined {
    return this.last.get(line);
  }
}

/** Starts it in this very turn, so that requests leave in the order in which they were made. */
async function start<T>(work: () => Promise<T>): Promise<T> {
  return work();
}
