import { chmodSync, existsSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { type Place, runtimeLayout } from '../api/runtime-dir.js';
import { ApiServer } from '../api/server/api-server.js';
import type { StatusSource } from '../api/server/control-session.js';
import type { SocketAccess } from '../api/server/socket.js';
import { messageOf } from '../base/errors.js';
import { makeDirectory, removeMade } from '../base/make-directory.js';
import { checkPrivateDirectory } from '../base/private-directory.js';
import { TIMEOUTS } from '../base/timeouts.js';
import { ChipDirectory } from '../gpio/chip-directory.js';
import { systemTime } from '../linux/clock.js';
import { BootIds } from './boot-ids.js';
import type { CoprocessorConfig, DaemonConfig } from './config/config.js';
import { Coprocessor } from './coprocessor.js';
import { ExportSet } from './export-set.js';
import { loadLater } from './load-later.js';
import type { Logger } from './log/logger.js';
import type { Metrics } from './metrics/metrics.js';
import { PidLock } from './pid-lock.js';
import { resolveAllAccess, tryAccess } from './socket-access.js';
import { ChipStore } from './state/chip-store.js';
import { loadStored } from './state/load-stored.js';
import { daemonStatus } from './status.js';
import { configuredSynthetics, SyntheticChips } from './synthetic/synthetic-chips.js';
import { closeTrace, openTrace } from './trace/open-trace.js';
import type { TraceRecorder, TraceSettings } from './trace/recorder.js';

export interface DaemonOptions {
  readonly config: DaemonConfig;
  readonly runtimeDir: Place;
  /** Where chips are kept that outlive it; undefined: nowhere. */
  readonly stateDir?: Place | undefined;
  readonly version: string;
  readonly logger: Logger;
  /** Where to record what crosses the links. */
  readonly trace?: TraceSettings | undefined;
  /** Something that {@link Daemon.status} tells has changed; comes in bursts, the first during start. */
  readonly onChange?: () => void;
}

/** The daemon: the coprocessors of a configuration, offered on the sockets of one runtime directory. */
export class Daemon {
  readonly #options: DaemonOptions;
  readonly #lock: PidLock;
  readonly #api: ApiServer;
  readonly #bootIds: BootIds;
  /** What the control socket tells. */
  readonly status: StatusSource;
  readonly #coprocessors = new Map<string, Coprocessor>();
  /** The chips of all coprocessors. */
  readonly #directory = new ChipDirectory();
  readonly #synthetics: SyntheticChips;
  readonly #store: ChipStore;
  readonly #exports: ExportSet;
  #trace: TraceRecorder | undefined;
  #metrics: Metrics | undefined;
  #config: DaemonConfig;

  /** Rejects with CONFIG_INVALID, DAEMON_RUNNING, PERMISSION_DENIED or IO_ERROR. */
  static async start(options: DaemonOptions): Promise<Daemon> {
    const { config, runtimeDir, trace, version, logger } = options;
    const access = resolveAllAccess(config);
    const made = makeRuntimeDir(runtimeDir);
    const daemon = new Daemon(options);
    try {
      const stored = loadStored(daemon.#store, config, logger);
      tryAccess(runtimeDir.dir, config, access);
      if (trace !== undefined) daemon.#trace = await openTrace(trace, version, logger);
      await daemon.#synthetics.configure(configuredSynthetics(config, access));
      await daemon.#synthetics.restore(stored);
      // Not before: nobody is to make a chip of a name that is somebody's already.
      await daemon.#api.openControl(daemon.status, daemon.#synthetics, access.control);
      await daemon.#openMetrics(config, access.metrics);
      for (const coprocessor of config.coprocessors) {
        daemon.#add(coprocessor, access.coprocessors.get(coprocessor.name)!);
      }
      await daemon.#exports.reload(config.exports, access.exports);
    } catch (thrown) {
      await daemon.stop('could not start');
      if (made.length > 0) removeMade([...made, runtimeLayout(runtimeDir.dir).chips]);
      throw thrown;
    }
    const names = config.coprocessors.map(({ name }) => name).join(',');
    options.logger.log('info', 'ready', {
      pid: process.pid,
      version: options.version,
      runtime_dir: runtimeDir.dir,
      coprocessors: names,
    });
    return daemon;
  }

  private constructor(options: DaemonOptions) {
    const { config, runtimeDir, version, logger } = options;
    this.#options = options;
    this.#config = config;
    const layout = runtimeLayout(runtimeDir.dir);
    this.#lock = PidLock.take(layout.pidFile);
    this.#api = new ApiServer({
      layout,
      clock: systemTime,
      limits: config.limits,
      version,
      // Half of the time there is: the coprocessors need the rest.
      graceMs: (config.timeouts.shutdown ?? TIMEOUTS.shutdown.defaultMs) / 2,
      warn: (event, fields) => logger.log('warn', event, fields),
    });
    this.#bootIds = new BootIds(layout.bootIds, (error) => {
      logger.log('error', 'boot_ids_not_written', { file: layout.bootIds, error });
    });
    this.#store = new ChipStore(options.stateDir);
    this.#synthetics = new SyntheticChips({
      api: this.#api,
      directory: this.#directory,
      coprocessors: () => this.#config.coprocessors.map(({ name }) => name),
      store: this.#store,
      time: systemTime,
      log: (level, event, fields) => logger.log(level, event, fields, `${fields.chip}`),
      onChange: options.onChange ?? (() => {}),
    });
    this.#exports = new ExportSet({
      chips: this.#api.chips,
      stateDir: layout.exports,
      time: systemTime,
      retryMs: config.timeouts.guest_retry ?? TIMEOUTS.guest_retry.defaultMs,
      chipMs: config.timeouts.guest_chip ?? TIMEOUTS.guest_chip.defaultMs,
      logger,
      onChange: options.onChange ?? (() => {}),
    });
    this.status = daemonStatus({
      version,
      runtimeDir: runtimeDir.dir,
      api: this.#api,
      coprocessors: () => this.#coprocessors.values(),
      synthetics: () => this.#synthetics.served,
      exports: () => this.#exports.reports,
    });
  }

  /** Whether every coprocessor has answered with its chips and those are offered, or failed to at least once. */
  get tried(): boolean {
    return [...this.#coprocessors.values()].every(({ tried }) => tried) && this.#exports.settled;
  }

  /**
   * Takes another configuration: coprocessors that did not change are left alone, the others end
   * and begin anew. Rejects with CONFIG_INVALID or PERMISSION_DENIED, and then nothing has changed.
   */
  async reload(config: DaemonConfig): Promise<void> {
    const { logger, runtimeDir } = this.#options;
    const access = resolveAllAccess(config);
    tryAccess(runtimeDir.dir, config, access);
    this.#synthetics.checkConfiguration(config.synthetics, config.coprocessors);
    await this.#synthetics.prune(configuredSynthetics(config, access));
    const wanted = new Map(config.coprocessors.map((coprocessor) => [coprocessor.name, coprocessor]));
    for (const [name, coprocessor] of [...this.#coprocessors]) {
      if (isDeepStrictEqual(withoutKey(coprocessor.config), withoutKey(wanted.get(name)))) continue;
      this.#coprocessors.delete(name);
      await coprocessor.stop('the configuration changed');
    }
    for (const [name, coprocessor] of wanted) {
      if (!this.#coprocessors.has(name)) this.#add(coprocessor, access.coprocessors.get(name)!);
    }
    await this.#synthetics.configure(configuredSynthetics(config, access));
    await this.#exports.reload(config.exports, access.exports);
    await this.#reloadMetrics(config, access.metrics);
    const { log, limits, controlGroup } = this.#config;
    if (!isDeepStrictEqual([log, limits, controlGroup], [config.log, config.limits, config.controlGroup])) {
      logger.log('warn', 'restart_needed', {
        message: 'log, limits and control_group take effect at the next start',
      });
    }
    this.#config = config;
    await this.#synthetics.retryUnserved();
    logger.log('info', 'reloaded', { coprocessors: [...this.#coprocessors.keys()].join(',') });
  }

  /**
   * Ends everything, and leaves every line as it is; cut short by the time limit `shutdown`. The
   * process may exit afterwards whatever is still open.
   */
  async stop(reason: string): Promise<void> {
    const limitMs = this.#config.timeouts.shutdown ?? TIMEOUTS.shutdown.defaultMs;
    const orderly = this.#stopInOrder(reason).catch((error: unknown) => {
      this.#options.logger.log('error', 'stop_failed', { error: messageOf(error) });
    });
    const inTime = await within(limitMs, orderly);
    if (!inTime) this.#options.logger.log('warn', 'stop_cut_short', { limit: 'shutdown', limit_ms: limitMs });
    this.#api.destroy();
    this.#lock.release();
  }

  async #stopInOrder(reason: string): Promise<void> {
    await this.#metrics?.close();
    // The ports go first: a restart of the daemon alone drops no output and resets no line.
    await Promise.all([...this.#coprocessors.values()].map((coprocessor) => coprocessor.disconnect()));
    // What a guest made of its lines is kept for the daemon that comes next.
    await this.#exports.close();
    // The sockets then, all at once: nobody asks for anything new while requests end.
    await this.#api.close(reason);
    await this.#synthetics.close(reason);
    await Promise.all([...this.#coprocessors.values()].map((coprocessor) => coprocessor.stop(reason)));
    if (this.#trace !== undefined) await closeTrace(this.#trace, this.#options.logger);
  }

  async #openMetrics({ metrics }: DaemonConfig, access: SocketAccess): Promise<void> {
    if (metrics === undefined) return;
    // Loaded only where somebody collects: it costs memory.
    const { Metrics } = await loadLater('metrics', () => import('./metrics/metrics.js'));
    this.#metrics = await Metrics.open(metrics, access, this.status, this.#options.logger);
  }

  /** Metrics that cannot be offered any more are told of, and are no reason to refuse the rest. */
  async #reloadMetrics(config: DaemonConfig, access: SocketAccess): Promise<void> {
    if (isDeepStrictEqual(config.metrics, this.#config.metrics)) return;
    await this.#metrics?.close();
    this.#metrics = undefined;
    await this.#openMetrics(config, access).catch((error: unknown) => {
      this.#options.logger.log('error', 'metrics_not_served', { error });
    });
  }

  #add(config: CoprocessorConfig, access: SocketAccess): void {
    const { logger, onChange = () => {} } = this.#options;
    const trace = this.#trace?.source(config.name, config.link);
    const coprocessor = new Coprocessor({
      config,
      access,
      api: this.#api,
      directory: this.#directory,
      bootIds: this.#bootIds,
      time: systemTime,
      random: Math.random,
      onChange,
      log: (level, event, fields, cause = '') => {
        logger.log(level, event, { coprocessor: config.name, ...fields }, `${config.name} ${cause}`);
      },
      ...(trace === undefined ? {} : { trace }),
    });
    this.#coprocessors.set(config.name, coprocessor);
    coprocessor.start();
  }
}

/** Where in the file a coprocessor stands makes no difference. */
function withoutKey(config: CoprocessorConfig | undefined): unknown {
  return config === undefined ? undefined : { ...config, access: { ...config.access, key: '' } };
}

/**
 * Everybody may see which chips there are; their sockets say who may use them. Nobody else may make any.
 * Returns the directories made.
 */
function makeRuntimeDir({ dir, source }: Place): readonly string[] {
  const what = `runtime directory (${source})`;
  if (existsSync(dir)) {
    checkPrivateDirectory(dir, what);
    return [];
  }
  const made = makeDirectory(dir, what, 0o755);
  // Whatever the umask.
  chmodSync(dir, 0o755);
  return made;
}

/** Whether `work` was done within `limitMs`. */
async function within(limitMs: number, work: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), limitMs);
  });
  const done = await Promise.race([work.then(() => true), limit]);
  clearTimeout(timer);
  return done;
}
