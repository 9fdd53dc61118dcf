import { ClockSync, type ClockSyncOptions } from './clock-sync.js';
import { KeepAlive } from './keep-alive.js';
import { PlainWatch, type PlainWatchOptions } from './plain-watch.js';

export interface SessionServicesOptions
  extends ClockSyncOptions,
    Pick<PlainWatchOptions, 'controllers' | 'recover'> {
  /** Several PINGs in a row stayed unanswered. */
  readonly silent: () => void;
}

/** What goes on by itself while a session is established: PING, BUS_TIME, and the watch over PLAIN. */
export class SessionServices {
  private readonly keepAlive: KeepAlive;
  private readonly clockSync: ClockSync | undefined;
  private readonly plainWatch: PlainWatch | undefined;

  constructor(options: SessionServicesOptions) {
    this.keepAlive = new KeepAlive({ ...options, lastHeardNs: options.arrivedNs });
    if (options.session.hasTime) this.clockSync = new ClockSync(options);
    if (options.session.delivery === 'plain') this.plainWatch = new PlainWatch(options);
  }

  /** Resolves when the device's clock is known, or cannot be for now. */
  start(): Promise<void> {
    this.keepAlive.start();
    this.plainWatch?.start();
    return this.clockSync?.start() ?? Promise.resolve();
  }

  /** A few clock samples now. */
  sampleClock(): void {
    void this.clockSync?.burst();
  }

  stop(): void {
    this.keepAlive.stop();
    this.clockSync?.stop();
    this.plainWatch?.stop();
  }
}
