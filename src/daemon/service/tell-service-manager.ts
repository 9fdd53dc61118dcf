import { TIMEOUTS } from '../../base/timeouts.js';
import { systemTime } from '../../linux/clock.js';
import { NotifySocket } from '../../linux/notify-socket.js';
import type { DaemonConfig } from '../config/config.js';
import type { Daemon } from '../daemon.js';
import type { Logger } from '../log/logger.js';
import { notifyEnvironment } from './notify-environment.js';
import { ServiceManager } from './service-manager.js';
import { statusLine } from './status-line.js';

/** Undefined where this process is no service, or its manager cannot be reached: then the log says so. */
export function tellServiceManager(
  daemon: Daemon,
  config: DaemonConfig,
  logger: Logger,
): ServiceManager | undefined {
  const environment = notifyEnvironment(process.env, process.pid);
  if (environment === undefined) return undefined;
  const onError = (error: unknown) => {
    logger.log('warn', 'service_manager_not_told', { address: environment.address, error });
  };
  let target: NotifySocket;
  try {
    target = new NotifySocket(environment.address);
  } catch (thrown) {
    onError(thrown);
    return undefined;
  }
  return new ServiceManager({
    environment,
    target,
    time: systemTime,
    statusLine: () => statusLine(daemon.status),
    tried: () => daemon.tried,
    firstTryMs: config.timeouts.first_try ?? TIMEOUTS.first_try.defaultMs,
    onError,
  });
}
