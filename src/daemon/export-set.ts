import { isDeepStrictEqual } from 'node:util';
import type { SocketAccess } from '../api/server/socket.js';
import type { Time } from '../base/clock.js';
import { makeDirectory } from '../base/make-directory.js';
import type { ChipSource } from '../export/chip-source.js';
import { type ExportReport, VhostUserExport } from '../export/vhost-user/vhost-user-export.js';
import type { ExportConfig } from './config/config.js';
import { loadLater } from './load-later.js';
import type { Logger } from './log/logger.js';

export interface ExportSetOptions {
  readonly chips: ChipSource;
  /** Made when there is something to export. */
  readonly stateDir: string;
  readonly time: Time;
  /** Time limit `guest_retry`. */
  readonly retryMs: number;
  /** Time limit `guest_chip`. */
  readonly chipMs: number;
  readonly logger: Logger;
  readonly onChange: () => void;
}

interface RunningExport {
  readonly config: ExportConfig;
  readonly access: SocketAccess;
  readonly running: VhostUserExport;
}

/** The exports of a configuration. */
export class ExportSet {
  readonly #options: ExportSetOptions;
  readonly #exports = new Map<string, RunningExport>();

  constructor(options: ExportSetOptions) {
    this.#options = options;
  }

  get reports(): readonly ExportReport[] {
    return [...this.#exports.values()].map(({ running }) => running.report());
  }

  /** Whether no socket is being made. */
  get settled(): boolean {
    return [...this.#exports.values()].every(({ running }) => running.settled);
  }

  /** Takes another configuration: exports that did not change are left alone. */
  async reload(configs: readonly ExportConfig[], access: ReadonlyMap<string, SocketAccess>): Promise<void> {
    const wanted = new Map(configs.map((config) => [config.name, config]));
    for (const [name, present] of [...this.#exports]) {
      const config = wanted.get(name);
      const same =
        config !== undefined &&
        isDeepStrictEqual(withoutKey(config), withoutKey(present.config)) &&
        isDeepStrictEqual(access.get(name), present.access);
      if (same) continue;
      this.#exports.delete(name);
      await present.running.close();
    }
    for (const config of configs) {
      if (!this.#exports.has(config.name)) this.#add(config, access.get(config.name)!);
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#exports.values()].map(({ running }) => running.close()));
    this.#exports.clear();
  }

  #add(config: ExportConfig, access: SocketAccess): void {
    const { chips, stateDir, time, retryMs, chipMs, logger, onChange } = this.#options;
    makeDirectory(stateDir, 'state directory of exports', 0o700);
    const running = new VhostUserExport({
      name: config.name,
      chip: config.chip,
      chips,
      socket: config.socket,
      access,
      stateDir,
      time,
      retryMs,
      chipMs,
      // Loaded only where something is exported: it costs memory.
      open: async (options) => (await loadVhostUser()).serveVhostUser(options),
      log: (level, event, fields) => logger.log(level, event, fields, config.name),
      onChange,
    });
    this.#exports.set(config.name, { config, access, running });
    running.start();
  }
}

function loadVhostUser(): Promise<typeof import('../vhost-user/serve.js')> {
  return loadLater('vhost-user', () => import('../vhost-user/serve.js'));
}

/** Where in the file an export stands makes no difference. */
function withoutKey(config: ExportConfig): unknown {
  return { ...config, access: { ...config.access, key: '' } };
}
