import type { ApiLimits } from '../../api/server/limits.js';
import type { Timeouts } from '../../base/timeouts.js';
import { DIALECTS } from '../../driver/dialect.js';
import type { PortLayout } from '../../driver/message-gpio/layout.js';
import type { SyntheticDescription } from '../../gpio/synthetic/description.js';

/** A valid configuration, with every default filled in. docs/operation.md lists its keys. */
export interface DaemonConfig {
  readonly log: LogConfig;
  readonly limits: ApiLimits;
  /** Group of the control socket; undefined: the daemon's own. */
  readonly controlGroup: string | undefined;
  /** Undefined: nobody collects metrics. */
  readonly metrics: MetricsConfig | undefined;
  /** Limits other than the defaults, for all coprocessors and for the daemon itself. */
  readonly timeouts: Partial<Timeouts>;
  readonly coprocessors: readonly CoprocessorConfig[];
  readonly exports: readonly ExportConfig[];
  readonly synthetics: readonly SyntheticConfig[];
}

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const LOG_FORMATS = ['logfmt', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

export interface LogConfig {
  readonly level: LogLevel;
  readonly format: LogFormat;
}

export const DIALECT_CHOICES = ['auto', ...DIALECTS] as const;
export type DialectChoice = (typeof DIALECT_CHOICES)[number];

export const ON_RESTART = ['restore', 'release'] as const;
export type OnRestart = (typeof ON_RESTART)[number];

export interface CoprocessorConfig {
  /** Of its chip, or the first part of the names of its chips. */
  readonly name: string;
  /** URL of the link. */
  readonly link: string;
  readonly dialect: DialectChoice;
  /** The lines of firmware that does not describe them; empty: nothing was said. */
  readonly ports: readonly PortLayout[];
  /** Undefined: the firmware's identity. */
  readonly label: string | undefined;
  readonly onRestart: OnRestart;
  /** Of the sockets of its chips. */
  readonly access: AccessConfig;
  /** All limits: the defaults, then `[timeouts]`, then its own. */
  readonly timeouts: Timeouts;
}

export const EXPORT_TYPES = ['vhost-user'] as const;
export type ExportType = (typeof EXPORT_TYPES)[number];

/** A chip offered to a virtual machine. */
export interface ExportConfig {
  readonly type: ExportType;
  /** For status and log, and in the consumer of lines; unique among exports. */
  readonly name: string;
  /** Any chip, also one that is not there yet. */
  readonly chip: string;
  /** Path of the socket that the hypervisor connects to. */
  readonly socket: string;
  /** Of that socket. */
  readonly access: AccessConfig;
}

/** A chip made of lines of others. */
export interface SyntheticConfig {
  readonly description: SyntheticDescription;
  /** Of its socket. */
  readonly access: AccessConfig;
}

/** Where metrics are offered: at least one of the two. */
export interface MetricsConfig {
  /** Path of a Unix socket that answers HTTP. */
  readonly socket: string | undefined;
  /** Of that socket. */
  readonly access: AccessConfig;
  /** A file for node_exporter's textfile collector, written every so many milliseconds. */
  readonly file: string | undefined;
  readonly intervalMs: number;
}

/** Who may use a socket, as configured: names or numbers. */
export interface AccessConfig {
  readonly owner: string | undefined;
  readonly group: string | undefined;
  readonly mode: number;
  /** For messages: the key that this stands under. */
  readonly key: string;
}
