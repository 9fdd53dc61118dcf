/** Text that grows, of which the end is kept; whoever waits for something in it is told when more comes. */
export class TextLog {
  private kept = '';
  private readonly watchers = new Set<() => void>();

  constructor(private readonly most = 1024 * 1024) {}

  get text(): string {
    return this.kept;
  }

  append(text: string): void {
    this.kept = (this.kept + text).slice(-this.most);
    this.notify();
  }

  /** To be called when what {@link until} waits for may have changed by other means. */
  notify(): void {
    for (const watcher of [...this.watchers]) watcher();
  }

  /** The last lines. */
  tail(lines: number): string {
    return this.kept.trimEnd().split('\n').slice(-lines).join('\n');
  }

  /**
   * Resolves with what `found` returns once that is not undefined; it is asked now and whenever there is news. Rejects at
   * the limit with what `describe` says, and with what `found` throws.
   */
  until<T>(found: () => T | undefined, limitMs: number, describe: () => string): Promise<T> {
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void): void => {
        clearTimeout(timer);
        this.watchers.delete(check);
        settle();
      };
      const check = (): void => {
        try {
          const result = found();
          if (result !== undefined) finish(() => resolve(result));
        } catch (error) {
          finish(() => reject(error));
        }
      };
      const timer = setTimeout(
        () => finish(() => reject(new Error(`not within ${limitMs} ms: ${describe()}`))),
        limitMs,
      );
      this.watchers.add(check);
      check();
    });
  }
}
