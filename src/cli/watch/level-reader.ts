import type { LineRequestClient, RequestEvent } from '../../api/client/types.js';
import type { Level } from '../../gpio/chip.js';
import type { ReadLevels } from './sink.js';

/**
 * Reads levels where events do not tell them: after a gap without a level, and of a chip that came
 * back. One reading of a chip at a time; one that fails is left until the next occasion.
 */
export class LevelReader {
  readonly #requests: ReadonlyMap<string, LineRequestClient>;
  readonly #reading = new Set<string>();
  readonly #again = new Set<string>();
  readonly #tell: (read: ReadLevels) => void;

  constructor(requests: ReadonlyMap<string, LineRequestClient>, tell: (read: ReadLevels) => void) {
    this.#requests = requests;
    this.#tell = tell;
  }

  /** Looks for occasions among these events. */
  see(events: readonly RequestEvent[]): void {
    for (const event of events) {
      if (event.type === 'edge' || event.type === 'ended') continue;
      const unknown = event.type === 'gap' ? event.level === undefined : event.state === 'up';
      if (unknown) this.#start(event.chip);
    }
  }

  #start(chip: string): void {
    const request = this.#requests.get(chip);
    if (request === undefined) return;
    if (this.#reading.has(chip)) this.#again.add(chip);
    else void this.#read(chip, request);
  }

  async #read(chip: string, request: LineRequestClient): Promise<void> {
    this.#reading.add(chip);
    try {
      const values = await request.getValues();
      const levels = new Map<number, Level>(request.offsets.map((offset, at) => [offset, values[at]]));
      // What happened meanwhile makes this one worthless: the next reading tells.
      if (!this.#again.has(chip)) this.#tell({ chip, levels, atNs: process.hrtime.bigint() });
    } catch {
      // The chip is away again or the lines are given back: its next events tell.
    } finally {
      this.#reading.delete(chip);
    }
    if (this.#again.delete(chip)) this.#start(chip);
  }
}
