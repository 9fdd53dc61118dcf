import { daemonRuntimeDir, processSurroundings } from '../api/runtime-dir.js';
import { messageOf } from '../base/errors.js';
import type { DaemonConfig } from './config/config.js';
import { Daemon } from './daemon.js';
import { LineSink } from './log/line-sink.js';
import { Logger } from './log/logger.js';
import { Reloads } from './reloads.js';
import type { ServiceManager } from './service/service-manager.js';
import { tellServiceManager } from './service/tell-service-manager.js';
import { daemonStateDir } from './state/state-dir.js';
import type { TraceSettings } from './trace/recorder.js';

export interface RunOptions {
  /** Reads the configuration: at start, and again at SIGHUP. */
  readonly load: () => Promise<DaemonConfig>;
  /** `--runtime-dir`. */
  readonly runtimeDir: string | undefined;
  /** `--state-dir`. */
  readonly stateDir?: string | undefined;
  readonly version: string;
  /** `--trace` */
  readonly trace?: TraceSettings | undefined;
}

const STDERR = 2;
/** How long the last log lines may take. */
const LAST_LINES_MS = 100;

/**
 * Runs the daemon until SIGTERM or SIGINT, then ends the process with status 0. A second signal
 * ends it at once. Rejects with what kept it from starting.
 */
export async function runUntilSignal(options: RunOptions): Promise<never> {
  const config = await options.load();
  const surroundings = processSurroundings();
  const runtimeDir = daemonRuntimeDir(options.runtimeDir, surroundings);
  const stateDir = daemonStateDir(options.stateDir, runtimeDir.dir, surroundings);
  const sink = new LineSink(STDERR);
  const logger = new Logger({ config: config.log, write: (line) => sink.line(line), now: Date.now });
  const ending = endingSignal();
  const { version, trace } = options;
  let service: ServiceManager | undefined;
  const onChange = () => service?.changed();
  const daemon = await Daemon.start({ config, runtimeDir, stateDir, version, logger, trace, onChange });
  service = tellServiceManager(daemon, config, logger);
  const reloads = new Reloads(async () => {
    service?.reloading();
    await reload(daemon, options, logger);
    service?.reloaded();
  });
  process.on('SIGHUP', () => reloads.ask());
  const signal = await ending;
  logger.log('info', 'stopping', { signal });
  service?.stopping();
  await daemon.stop('the daemon is stopping');
  logger.log('info', 'stopped');
  await sink.flushed(LAST_LINES_MS);
  // Whatever did not end in order ends with the process.
  process.exit(0);
}

/** The first of the signals that end the daemon; the next one does what signals do. */
function endingSignal(): Promise<NodeJS.Signals> {
  const signals: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT'];
  return new Promise((resolve) => {
    const listener = (signal: NodeJS.Signals) => {
      for (const each of signals) process.off(each, listener);
      resolve(signal);
    };
    for (const each of signals) process.on(each, listener);
  });
}

async function reload(daemon: Daemon, { load }: RunOptions, logger: Logger): Promise<void> {
  try {
    await daemon.reload(await load());
  } catch (thrown) {
    logger.log('error', 'not_reloaded', { message: messageOf(thrown) });
  }
}
