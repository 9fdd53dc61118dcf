import type { Time, TimerHandle } from '../../base/clock.js';
import type { NotifyEnvironment } from './notify-environment.js';

/** Where messages go; a NotifySocket. `send` gives false when the receiver has no room now. */
export interface NotifyTarget {
  send(message: string): boolean;
  close(): void;
}

export interface ServiceManagerOptions {
  readonly environment: Pick<NotifyEnvironment, 'watchdogMs'>;
  readonly target: NotifyTarget;
  readonly time: Time;
  /** The daemon in one line, for STATUS. */
  readonly statusLine: () => string;
  /** Whether every coprocessor has been tried. */
  readonly tried: () => boolean;
  /** READY is told after so long even if a coprocessor has not answered yet: the limit `first_try`. */
  readonly firstTryMs: number;
  /** Telling failed; the daemon goes on, and is told no more than once. */
  readonly onError: (error: unknown) => void;
}

/** Changes come in bursts: STATUS follows once they have passed. */
const STATUS_PAUSE_MS = 100;
/** The receiver is the first process of the machine: its queue is not full for long. */
const RETRY_MS = 100;
/** Messages that wait for room. STATUS is not among them: only the present one is of use. */
const MOST_WAITING = 8;

/**
 * Tells the service manager how the daemon is (sd_notify(3)): READY when everything configured has
 * been tried, STATUS as it changes, WATCHDOG from the main loop, RELOADING and STOPPING. Made when
 * the daemon's sockets exist.
 */
export class ServiceManager {
  readonly #options: ServiceManagerOptions;
  readonly #waiting: string[] = [];
  #ready = false;
  #lastStatus = '';
  #firstTry: TimerHandle | undefined;
  #status: TimerHandle | undefined;
  #retry: TimerHandle | undefined;
  #watchdog: TimerHandle | undefined;
  #closed = false;
  #failed = false;

  constructor(options: ServiceManagerOptions) {
    this.#options = options;
    const { time, firstTryMs } = options;
    this.#firstTry = time.set(() => this.#tellReady(), firstTryMs);
    this.#keepWatchdog();
    this.changed();
  }

  /** Something that STATUS tells may have changed. */
  changed(): void {
    if (this.#closed) return;
    if (!this.#ready && this.#options.tried()) this.#tellReady();
    this.#status ??= this.#options.time.set(() => this.#tellStatus(), STATUS_PAUSE_MS);
  }

  /** The configuration is being read again; {@link reloaded} must follow. */
  reloading(): void {
    const now = this.#options.time.monotonicNs() / 1_000n;
    // Both in one message: the manager takes READY for an answer to this very reload by the time.
    this.#send(`RELOADING=1\nMONOTONIC_USEC=${now}`);
  }

  /** It was taken, or refused and the old one goes on. */
  reloaded(): void {
    if (this.#ready) this.#send('READY=1');
    this.changed();
  }

  /** The daemon ends: it is the last that is told. */
  stopping(): void {
    this.#send('STOPPING=1\nSTATUS=stopping');
    this.close();
  }

  /** Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const timer of [this.#firstTry, this.#status, this.#retry, this.#watchdog]) {
      if (timer !== undefined) this.#options.time.clear(timer);
    }
    this.#options.target.close();
  }

  #tellReady(): void {
    if (this.#ready || this.#closed) return;
    this.#ready = true;
    if (this.#firstTry !== undefined) this.#options.time.clear(this.#firstTry);
    this.#lastStatus = this.#options.statusLine();
    this.#send(`READY=1\nSTATUS=${this.#lastStatus}`);
  }

  #tellStatus(): void {
    this.#status = undefined;
    const line = this.#options.statusLine();
    if (line === this.#lastStatus || this.#closed) return;
    if (this.#trySend(`STATUS=${line}`)) this.#lastStatus = line;
    else this.#status = this.#options.time.set(() => this.#tellStatus(), RETRY_MS);
  }

  #keepWatchdog(): void {
    const { environment, time } = this.#options;
    if (environment.watchdogMs === undefined || this.#closed) return;
    // Without room now the next one does: there are two in the time that the manager allows.
    this.#trySend('WATCHDOG=1');
    this.#watchdog = time.set(() => this.#keepWatchdog(), environment.watchdogMs);
  }

  /** In order, and again when there was no room. */
  #send(message: string): void {
    if (this.#closed) return;
    if (this.#waiting.length === 0 && this.#trySend(message)) return;
    if (this.#waiting.length < MOST_WAITING) this.#waiting.push(message);
    this.#retry ??= this.#options.time.set(() => this.#sendWaiting(), RETRY_MS);
  }

  #sendWaiting(): void {
    this.#retry = undefined;
    while (this.#waiting.length > 0 && this.#trySend(this.#waiting[0]!)) this.#waiting.shift();
    if (this.#waiting.length === 0) return;
    this.#retry = this.#options.time.set(() => this.#sendWaiting(), RETRY_MS);
  }

  /** True when the message has gone, or can never go. */
  #trySend(message: string): boolean {
    try {
      return this.#options.target.send(message);
    } catch (error) {
      if (!this.#failed) this.#options.onError(error);
      this.#failed = true;
      return true;
    }
  }
}
