import { chmod, rename, rm, writeFile } from 'node:fs/promises';

/** Whatever the umask: the collector is another user. */
const FILE_MODE = 0o644;

/**
 * Keeps a file for node_exporter's textfile collector up to date: whole at any moment, and gone
 * with the daemon, so that nobody takes old numbers for new ones.
 */
export class MetricsFile {
  readonly #path: string;
  readonly #timer: NodeJS.Timeout;
  readonly #render: () => Promise<string>;
  readonly #onError: (error: unknown) => void;
  #writing: Promise<void> | undefined;
  #closed = false;

  constructor(
    path: string,
    intervalMs: number,
    render: () => Promise<string>,
    onError: (error: unknown) => void,
  ) {
    this.#path = path;
    this.#render = render;
    this.#onError = onError;
    this.#timer = setInterval(() => this.#update(), intervalMs);
    this.#update();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#writing;
    await Promise.all([this.#path, this.#beside].map((path) => rm(path, { force: true }).catch(() => {})));
  }

  /** The collector reads `*.prom` only. */
  get #beside(): string {
    return `${this.#path}.new`;
  }

  #update(): void {
    // A disk that is slower than the interval gets no second write.
    this.#writing ??= this.#write()
      .catch(this.#onError)
      .finally(() => {
        this.#writing = undefined;
      });
  }

  async #write(): Promise<void> {
    const text = await this.#render();
    if (this.#closed) return;
    await writeFile(this.#beside, text);
    await chmod(this.#beside, FILE_MODE);
    await rename(this.#beside, this.#path);
  }
}
