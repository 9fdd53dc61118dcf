import type { StatusSource } from '../../api/server/control-session.js';
import type { SocketAccess } from '../../api/server/socket.js';
import type { MetricsConfig } from '../config/config.js';
import type { Logger } from '../log/logger.js';
import { daemonMetrics } from './daemon-metrics.js';
import { MetricsFile } from './metrics-file.js';
import { MetricsSocket } from './metrics-socket.js';

/** The daemon's numbers for Prometheus, wherever the configuration wants them. */
export class Metrics {
  readonly #socket: MetricsSocket | undefined;
  readonly #file: MetricsFile | undefined;

  /** Rejects with PERMISSION_DENIED or IO_ERROR when the socket cannot be made. */
  static async open(
    config: MetricsConfig,
    access: SocketAccess,
    source: StatusSource,
    logger: Logger,
  ): Promise<Metrics> {
    const render = () => daemonMetrics(source);
    const onError = (error: unknown) => logger.log('warn', 'metrics_failed', { error });
    const { socket, file, intervalMs } = config;
    return new Metrics(
      socket === undefined ? undefined : await MetricsSocket.open(socket, access, render, onError),
      file === undefined ? undefined : new MetricsFile(file, intervalMs, render, onError),
    );
  }

  private constructor(socket: MetricsSocket | undefined, file: MetricsFile | undefined) {
    this.#socket = socket;
    this.#file = file;
  }

  async close(): Promise<void> {
    this.#socket?.close();
    await this.#file?.close();
  }
}
