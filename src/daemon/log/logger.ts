import { LOG_LEVELS, type LogConfig, type LogLevel } from '../config/config.js';
import { formatLine, type LogFields } from './line-format.js';
import { RateLimit } from './rate-limit.js';

/** Lines of one cause in one window: enough to see what happens, too few to fill a disk. */
const LINES_PER_WINDOW = 5;
/** Lines of one event of one coprocessor, whatever their causes: what firmware says is a cause too. */
const LINES_PER_EVENT = 60;
const WINDOW_MS = 60_000;

export interface LoggerOptions {
  readonly config: LogConfig;
  readonly write: (line: string) => void;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/**
 * The daemon's log: an event's name and fields a line. Lines are limited by cause, which is the
 * event and what `cause` adds to it (the coprocessor, an address).
 */
export class Logger {
  readonly #options: LoggerOptions;
  readonly #byCause = new RateLimit(LINES_PER_WINDOW, WINDOW_MS);
  readonly #byEvent = new RateLimit(LINES_PER_EVENT, WINDOW_MS);
  readonly #most: number;

  constructor(options: LoggerOptions) {
    this.#options = options;
    this.#most = LOG_LEVELS.indexOf(options.config.level);
  }

  log(level: LogLevel, event: string, fields: LogFields = {}, cause = ''): void {
    if (LOG_LEVELS.indexOf(level) > this.#most) return;
    const now = this.#options.now();
    const ofCause = this.#byCause.decide(`${event} ${cause}`, now);
    if (!ofCause.pass) return;
    const ofEvent = this.#byEvent.decide(`${event} ${fields.coprocessor}`, now, 1 + ofCause.suppressed);
    if (!ofEvent.pass) return;
    const suppressed = ofCause.suppressed + ofEvent.suppressed;
    const all = suppressed === 0 ? fields : { ...fields, suppressed };
    this.#options.write(formatLine(this.#options.config.format, new Date(now), level, event, all));
  }
}
