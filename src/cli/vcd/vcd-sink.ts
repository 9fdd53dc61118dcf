import type { RequestEvent } from '../../api/client/types.js';
import { packageVersion } from '../version.js';
import type { EventSink, ReadLevels, Watched } from '../watch/sink.js';
import { TimeAxis, watchClock } from '../watch/time-axis.js';
import { header } from './header.js';
import { VcdRecorder } from './recorder.js';
import type { VcdOutput } from './vcd-output.js';

/** How often changes that have waited long enough are written. */
const ADVANCE_MS = 100;

/** Writes the header and the initial values, then what comes. */
export async function vcdSink(watched: Watched, output: VcdOutput): Promise<EventSink> {
  await output.write(header(watched, `gpiobridge ${packageVersion()}`), '');
  return new VcdSink(watched, output);
}

/** Writes one text after the other, so that the dump is in order however its callers overlap. */
class VcdSink implements EventSink {
  readonly failed: Promise<never>;
  readonly #axis: TimeAxis;
  readonly #recorder: VcdRecorder;
  readonly #output: VcdOutput;
  readonly #timer: NodeJS.Timeout;
  #writing: Promise<void> = Promise.resolve();
  #fail!: (error: Error) => void;
  #broken: Error | undefined;

  constructor(watched: Watched, output: VcdOutput) {
    this.#axis = new TimeAxis(watched, watchClock);
    this.#recorder = new VcdRecorder(watched, this.#axis);
    this.#output = output;
    this.failed = new Promise((_resolve, reject) => {
      this.#fail = reject;
    });
    // Nobody may be waiting for it when it happens; end() tells, too.
    this.failed.catch(() => undefined);
    this.#timer = setInterval(() => void this.#advance(), ADVANCE_MS);
  }

  async take(events: readonly RequestEvent[]): Promise<void> {
    this.#recorder.take(events, performance.now());
    if (this.#recorder.full) void this.#advance();
    await this.#writing;
    if (this.#broken !== undefined) throw this.#broken;
  }

  levels(read: ReadLevels): void {
    this.#recorder.levels(read, performance.now());
  }

  async end(atLastEdge: boolean): Promise<void> {
    clearInterval(this.#timer);
    const rest = this.#recorder.end(atLastEdge ? undefined : this.#axis.now());
    await this.#inTurn(() => this.#output.end(rest, this.#recorder.notes()));
    if (this.#broken !== undefined) throw this.#broken;
  }

  async #advance(): Promise<void> {
    const text = this.#recorder.advance(performance.now());
    if (text !== '') await this.#inTurn(() => this.#output.write(text, this.#recorder.notes()));
  }

  /** Never rejects: a failure shows in `failed`, and nothing is written after it. */
  #inTurn(write: () => Promise<void>): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      if (this.#broken !== undefined) return;
      try {
        await write();
      } catch (thrown) {
        this.#broken = thrown as Error;
        this.#fail(this.#broken);
      }
    });
    return this.#writing;
  }
}
