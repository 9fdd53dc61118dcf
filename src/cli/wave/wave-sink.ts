import type { RequestEvent } from '../../api/client/types.js';
import { print } from '../output.js';
import type { EventSink, ReadLevels, Watched } from '../watch/sink.js';
import { TimeAxis, watchClock } from '../watch/time-axis.js';
import type { Glyphs } from './glyphs.js';
import { renderFrame } from './render.js';
import { InPlace } from './screen.js';
import { WaveModel } from './wave-state.js';

export interface WaveOptions {
  readonly spanNs: number;
  readonly glyphs: Glyphs;
  /** Aborted when the program is told to end: the terminal is put in order at once. */
  readonly signal: AbortSignal;
}

/** At most ten frames a second, whatever the rate of events. */
const FRAME_MS = 100;
/** One in so many is drawn even if nothing differs: over what was typed. */
const HEALING_FRAMES = 10;
const COLUMNS_WITHOUT_TTY = 80;

/** Draws on the terminal, or prints one frame at the end where standard output is none. */
export function waveSink(watched: Watched, options: WaveOptions): EventSink {
  return process.stdout.isTTY ? new LiveWave(watched, options) : new FinalWave(watched, options);
}

/** The model with its axis of time; what both ways of showing it share. */
abstract class WaveSink implements EventSink {
  readonly failed = new Promise<never>(() => undefined);
  protected readonly model: WaveModel;
  readonly #axis: TimeAxis;
  readonly #glyphs: Glyphs;

  constructor(watched: Watched, { spanNs, glyphs }: WaveOptions) {
    this.#axis = new TimeAxis(watched, watchClock);
    this.model = new WaveModel(watched, this.#axis, spanNs);
    this.#glyphs = glyphs;
  }

  async take(events: readonly RequestEvent[]): Promise<void> {
    this.model.take(events);
  }

  levels(read: ReadLevels): void {
    this.model.levels(read);
  }

  abstract end(atLastEdge: boolean): Promise<void>;

  protected frame(columns: number, rows?: number): string[] {
    const size = rows === undefined ? { columns } : { columns, rows };
    return renderFrame(this.model, size, this.#axis.now(), this.#glyphs);
  }
}

class FinalWave extends WaveSink {
  async end(): Promise<void> {
    const columns = Number(process.env.COLUMNS) || COLUMNS_WITHOUT_TTY;
    await print(`${this.frame(columns).join('\n')}\n`);
  }
}

class LiveWave extends WaveSink {
  readonly #screen = new InPlace();
  readonly #timer: NodeJS.Timeout;
  #done = false;
  #frames = 0;
  readonly #continued = () => this.#draw();
  readonly #suspended = () => {
    process.stdout.write(this.#screen.leave());
    process.kill(process.pid, 'SIGSTOP');
  };

  constructor(watched: Watched, options: WaveOptions) {
    super(watched, options);
    this.#timer = setInterval(() => this.#draw(), FRAME_MS);
    process.on('SIGCONT', this.#continued);
    process.on('SIGTSTP', this.#suspended);
    options.signal.addEventListener('abort', () => this.#leave(), { once: true });
    this.#draw();
  }

  async end(): Promise<void> {
    if (!this.#done) this.#draw();
    this.#leave();
  }

  /** A terminal that is behind misses frames. */
  #draw(): void {
    const { columns = COLUMNS_WITHOUT_TTY, rows = 24 } = process.stdout;
    if (process.stdout.writableNeedDrain) return;
    const anew = this.#frames++ % HEALING_FRAMES === 0;
    process.stdout.write(this.#screen.draw(this.frame(columns, rows - 1), { columns, rows }, anew));
  }

  #leave(): void {
    if (this.#done) return;
    this.#done = true;
    clearInterval(this.#timer);
    process.off('SIGCONT', this.#continued);
    process.off('SIGTSTP', this.#suspended);
    process.stdout.write(this.#screen.leave());
  }
}
