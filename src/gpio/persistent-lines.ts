import { BridgeError } from '../base/errors.js';
import type { Chip, LineConfig, LineRequest, LineRequestConfig } from './chip.js';
import { checkLineConfigs, invalid } from './line-config.js';

/**
 * Lines of one chip that stay requested while nobody is connected. Whoever may use the chip may
 * keep lines, change them and release them. They live as requests do: through the restarts of a
 * coprocessor whose `on_restart` is `restore`, until they are released or their lines go away. Each
 * line has a request to itself, so that it can be released without the others; there are never more
 * than the chip has lines.
 */
export class PersistentLines {
  readonly #chip: Chip;
  readonly #onEnded: (offset: number, reason: string) => void;
  readonly #held = new Map<number, LineRequest>();
  /** Calls are carried out one after the other: two that name the same line meet in order. */
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;

  /** `onEnded` hears of lines that went otherwise than by {@link release} or {@link close}. */
  constructor(chip: Chip, onEnded: (offset: number, reason: string) => void) {
    this.#chip = chip;
    this.#onEnded = onEnded;
  }

  /** How many lines are kept now. */
  get count(): number {
    return this.#held.size;
  }

  /**
   * Requests lines and keeps them; a line that is kept for the same consumer already is changed
   * instead, without being let go. New lines are taken all or none. Rejects as `requestLines` does;
   * INVALID_ARGUMENT for edges, which nobody would hear; BUSY for a line kept for another consumer.
   */
  keep(wanted: LineRequestConfig): Promise<void> {
    return this.#inTurn(() => this.#keep(wanted));
  }

  /**
   * Gives these lines back, or all without offsets; returns which they were. Rejects with NOT_FOUND,
   * and releases nothing, when one of them is not kept here.
   */
  release(offsets?: readonly number[]): Promise<number[]> {
    return this.#inTurn(() => this.#release(offsets ?? [...this.#held.keys()].sort((a, b) => a - b)));
  }

  /** Gives every line back, also those just being requested, and takes no more. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.release();
  }

  async #keep({ consumer, offsets, config }: LineRequestConfig): Promise<void> {
    if (this.#closed) throw new BridgeError('CLOSED', `chip '${this.#chip.name}' is going away`);
    const configs = checkLineConfigs(config, offsets);
    if (configs.some(({ edges }) => edges !== 'none')) {
      throw invalid('a persistent request has no edges: nobody is connected to hear of them');
    }
    for (const offset of offsets) this.#checkConsumer(offset, consumer);
    const configOf = new Map(offsets.map((offset, index) => [offset, configs[index]!]));
    const kept = offsets.flatMap((offset) => this.#held.get(offset) ?? []);
    const made = await this.#requestAll(
      consumer,
      offsets.filter((offset) => !this.#held.has(offset)),
      configOf,
    );
    const changes = kept.map((request) => request.reconfigure(configOf.get(request.offsets[0]!)!));
    const failed = firstFailure(await Promise.allSettled(changes));
    if (failed !== undefined) {
      await releaseAll(made);
      throw failed.reason;
    }
    for (const request of made) this.#own(request);
  }

  #checkConsumer(offset: number, consumer: string): void {
    const holder = this.#held.get(offset)?.consumer;
    if (holder === undefined || holder === consumer) return;
    throw new BridgeError(
      'BUSY',
      `line ${offset} of chip '${this.#chip.name}' is requested persistently by '${holder}': release it first`,
    );
  }

  async #requestAll(
    consumer: string,
    offsets: readonly number[],
    configOf: ReadonlyMap<number, LineConfig>,
  ): Promise<LineRequest[]> {
    const request = (offset: number) =>
      this.#chip.requestLines({
        consumer,
        offsets: [offset],
        config: configOf.get(offset)!,
        persistent: true,
      });
    const inUse = offsets.filter(
      (offset) => offset < this.#chip.lineCount && this.#chip.lineInfo(offset).used,
    );
    // What will be refused is refused before other lines are driven for a moment.
    const made: LineRequest[] = [];
    for (const offsetsNow of [inUse, offsets.filter((offset) => !inUse.includes(offset))]) {
      const results = await Promise.allSettled(offsetsNow.map(request));
      for (const result of results) if (result.status === 'fulfilled') made.push(result.value);
      const failed = firstFailure(results);
      if (failed === undefined) continue;
      await releaseAll(made);
      throw failed.reason;
    }
    return made;
  }

  #own(request: LineRequest): void {
    const offset = request.offsets[0]!;
    this.#held.set(offset, request);
    const gone = () => {
      if (this.#held.get(offset) !== request) return;
      this.#held.delete(offset);
      this.#onEnded(offset, request.ended ?? 'released');
    };
    request.events$.subscribe({ error: gone, complete: gone });
  }

  async #release(offsets: readonly number[]): Promise<number[]> {
    const requests = offsets.map((offset) => {
      const request = this.#held.get(offset);
      if (request !== undefined) return request;
      throw new BridgeError(
        'NOT_FOUND',
        `line ${offset} of chip '${this.#chip.name}' is not requested persistently`,
      );
    });
    for (const offset of offsets) this.#held.delete(offset);
    await releaseAll(requests);
    return [...offsets];
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {});
    return result;
  }
}

function firstFailure(results: readonly PromiseSettledResult<unknown>[]): PromiseRejectedResult | undefined {
  return results.find((result) => result.status === 'rejected');
}

/** A line is free afterwards whatever its coprocessor says. */
async function releaseAll(requests: readonly LineRequest[]): Promise<void> {
  await Promise.allSettled(requests.map((request) => request.release()));
}
