import type { Subscription } from 'rxjs';
import type { ApiServer } from '../api/server/api-server.js';
import type { SocketAccess } from '../api/server/socket.js';
import type { Time, TimerHandle } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import { newBus } from '../driver/new-bus.js';
import type { RemoteBus } from '../driver/remote-bus.js';
import type { ChipDirectory } from '../gpio/chip-directory.js';
import { openLink } from '../link/open.js';
import type { LinkCounters, LinkState, PacketLink } from '../link/packet-link.js';
import { type RpmsgPlaces, systemPlaces } from '../link/rpmsg/places.js';
import { ProcessorBehind } from '../link/rpmsg/processor-behind.js';
import { RpmsgPast } from '../link/rpmsg/rpmsg-past.js';
import { parseLinkUrl } from '../link/url.js';
import { type Watch, watchReturn } from '../link/watch.js';
import type { RemoteProcessor } from '../linux/remoteproc.js';
import { backOff, FIRST_ATTEMPT } from './back-off.js';
import type { BootIds } from './boot-ids.js';
import { ChipSet } from './chip-set.js';
import type { CoprocessorConfig, LogLevel } from './config/config.js';
import type { LogFields } from './log/line-format.js';
import type { SourceTrace } from './trace/recorder.js';
import { unusedLines } from './unused-lines.js';

export interface CoprocessorOptions {
  readonly config: CoprocessorConfig;
  readonly access: SocketAccess;
  readonly api: ApiServer;
  /** Where its chips are found by synthetic ones. */
  readonly directory: ChipDirectory;
  readonly bootIds: BootIds;
  readonly time: Time;
  /** As Math.random. */
  readonly random: () => number;
  readonly log: CoprocessorLog;
  /** Records what crosses the link. */
  readonly trace?: SourceTrace;
  /** Something that status tells of it has changed. */
  readonly onChange: () => void;
  /** Where rpmsg's devices are; this machine's unless given. */
  readonly rpmsg?: RpmsgPlaces;
}

/** The log of one coprocessor: `cause` is what lines are limited by, besides the event. */
export type CoprocessorLog = (level: LogLevel, event: string, fields?: LogFields, cause?: string) => void;

/**
 * One coprocessor, kept in touch with for ever. The link repairs what it can and opens new sessions
 * by itself; when its port is gone it is opened again, with growing pauses. The driver and the
 * chips live through all of that.
 */
export class Coprocessor {
  readonly config: CoprocessorConfig;
  readonly bus: RemoteBus;
  readonly chips: ChipSet;
  /** How often the port was opened. */
  openings = 0;

  readonly #options: CoprocessorOptions;
  readonly #subscriptions: Subscription[] = [];
  #link: PacketLink | undefined;
  #pastCounters: LinkCounters = {};
  #failures = FIRST_ATTEMPT;
  #timer: TimerHandle | undefined;
  /** While {@link #timer} is set: the port may come back before. */
  #watch: Watch | undefined;
  #openedAtMs = Number.NEGATIVE_INFINITY;
  readonly #processor: ProcessorBehind;
  readonly #rpmsgPast = new RpmsgPast();
  #waitsBecause: string | undefined;
  #hasFailed = false;
  #hasSaidUnused = false;
  #stopped = false;

  constructor(options: CoprocessorOptions) {
    const { config, bootIds, time, random, log } = options;
    this.config = config;
    this.#options = options;
    const { trees } = options.rpmsg ?? systemPlaces;
    this.#processor = new ProcessorBehind(parseLinkUrl(config.link), trees, this.#rpmsgPast);
    const knownBootId = bootIds.get(config.name);
    this.bus = newBus(config.dialect, config.ports, {
      name: config.name,
      time,
      random,
      timeouts: config.timeouts,
      onRestart: config.onRestart,
      log: (level, message) => log(level, 'driver', { message }, message),
      ...(knownBootId === undefined ? {} : { knownBootId }),
    });
    this.chips = new ChipSet({ ...options, controllers$: this.bus.controllers$ });
  }

  /** The link of the present opening; undefined while waiting for the next. */
  get link(): PacketLink | undefined {
    return this.#link;
  }

  /** The remote processor that an rpmsg link leads to, where it is known. */
  get processor(): RemoteProcessor | undefined {
    return this.#processor.now(this.#link?.devicePath);
  }

  /** Why the port is not open now. */
  get waitsBecause(): string | undefined {
    return this.#waitsBecause;
  }

  /** Whether the first attempt is over: its chips are served, or its port did not open or broke. */
  get tried(): boolean {
    return this.#hasFailed || (this.bus.status.state.kind === 'up' && this.chips.settled);
  }

  /** Of all openings of the port together. */
  get linkCounters(): LinkCounters {
    return this.#link === undefined ? this.#pastCounters : sum(this.#pastCounters, this.#link.counters);
  }

  /** Opens the port, now and whenever it has to be. */
  start(): void {
    const { bootIds, log } = this.#options;
    this.#subscriptions.push(
      this.bus.bootId$.subscribe((id) => bootIds.set(this.config.name, id === 0 ? undefined : id)),
      this.bus.state$.subscribe((state) => {
        this.#options.onChange();
        if (state.kind !== 'up') return;
        const { dialect, firmware, bootId } = this.bus.status;
        log('info', 'coprocessor_up', { dialect, firmware, boot_id: bootId });
        this.#sayUnused(unusedLines(dialect, this.config.ports));
      }),
    );
    this.#open();
  }

  /**
   * Closes the port and opens it no more; everything at the coprocessor stays as it is. Outputs
   * are driven on for the daemon that comes next, which finds them by the boot_id it was left.
   */
  async disconnect(): Promise<void> {
    this.#stopped = true;
    this.#waitNoMore();
    await this.#link?.close();
  }

  /** Ends it for good: the chips go with `reason`, then the driver, then the port. */
  async stop(reason: string): Promise<void> {
    this.#stopped = true;
    this.#waitNoMore();
    await this.chips.close(reason);
    for (const subscription of this.#subscriptions.splice(0)) subscription.unsubscribe();
    this.bus.close();
    await this.#link?.close();
  }

  #sayUnused(what: string | undefined): void {
    if (what === undefined || this.#hasSaidUnused) return;
    this.#hasSaidUnused = true;
    this.#options.log('warn', 'driver', { message: `${this.config.name}: ${what}` });
  }

  #open(): void {
    const { config, time, random, trace, rpmsg } = this.#options;
    this.#waitNoMore();
    this.#openedAtMs = this.#nowMs();
    this.#waitsBecause = undefined;
    this.openings++;
    let link: PacketLink;
    try {
      link = openLink(config.link, {
        time,
        random,
        timeouts: config.timeouts,
        rpmsgPast: this.#rpmsgPast,
        plainProbe: () => this.bus.plainProbe(),
        ...(trace === undefined ? {} : { observer: trace }),
        ...(rpmsg === undefined ? {} : { rpmsg }),
      });
    } catch (thrown) {
      this.#wait(messageOf(thrown));
      return;
    }
    this.#link = link;
    // Before the driver, whose first message follows from it.
    if (trace !== undefined) {
      link.state$.subscribe((state) => {
        trace.state(state.kind, state.kind === 'up' ? state.delivery : state.reason);
      });
    }
    this.bus.attach(link);
    link.state$.subscribe((state) => this.#follow(link, state));
  }

  #follow(link: PacketLink, state: LinkState): void {
    if (link !== this.#link || this.#stopped) return;
    const { log } = this.#options;
    if (state.kind === 'up') {
      this.#failures = FIRST_ATTEMPT;
      log('info', 'link_up', { link: link.name, channel: state.channel, delivery: state.delivery });
    } else if (state.kind === 'opening') {
      if (state.reason !== undefined) log('warn', 'link_reset', { link: link.name, reason: state.reason });
    } else {
      this.#link = undefined;
      this.#pastCounters = sum(this.#pastCounters, link.counters);
      log('warn', 'link_down', { link: link.name, reason: state.reason }, state.reason);
      // Its port may still be closing, which must not be in the way of the next opening for ever.
      void link.close().catch(() => {});
      this.#wait(state.reason);
    }
    this.#options.onChange();
  }

  #wait(reason: string): void {
    const { config, time, random, log } = this.#options;
    const bounds = { minMs: config.timeouts.reopen_min, maxMs: config.timeouts.reopen_max };
    const { pauseMs, next } = backOff(this.#failures, bounds, random());
    this.#failures = next;
    this.#waitsBecause = reason;
    this.#hasFailed = true;
    this.#options.onChange();
    log('debug', 'link_waits', { pause_ms: Math.round(pauseMs) });
    this.#timer = time.set(() => this.#open(), pauseMs);
    this.#watch = watchReturn(config.link, () => this.#openSoon(), this.#options.rpmsg);
  }

  /** The port may be back: it is opened now, unless that was tried a moment ago. */
  #openSoon(): void {
    if (this.#timer === undefined) return;
    const { config, time } = this.#options;
    const soonest = this.#openedAtMs + config.timeouts.reopen_min;
    time.clear(this.#timer);
    this.#timer = time.set(() => this.#open(), Math.max(0, soonest - this.#nowMs()));
  }

  #waitNoMore(): void {
    if (this.#timer !== undefined) this.#options.time.clear(this.#timer);
    this.#timer = undefined;
    this.#watch?.close();
    this.#watch = undefined;
  }

  #nowMs(): number {
    return Number(this.#options.time.monotonicNs()) / 1e6;
  }
}

function sum(a: LinkCounters, b: LinkCounters): LinkCounters {
  const total: Record<string, number> = { ...a };
  for (const [name, count] of Object.entries(b)) total[name] = (total[name] ?? 0) + count;
  return total;
}
