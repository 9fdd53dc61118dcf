import type { MessageDialect } from '../dialect.js';

/** What the messages of a dialect have room for. */
export interface DialectLimits {
  /** Lines of a controller. */
  readonly lines: number;
  /** Highest number of a port; 0: the dialect has no ports. */
  readonly port: number;
  /** Whether a line can be told to wake the system up. */
  readonly wakeup: boolean;
}

export const DIALECT_LIMITS: Readonly<Record<MessageDialect, DialectLimits>> = {
  'rpmsg-gpio': { lines: 1024, port: 0, wakeup: false },
  // An interrupt has one byte for the line.
  'rpmsg-gpio-v14': { lines: 256, port: 0, wakeup: true },
  srtm: { lines: 256, port: 255, wakeup: true },
};
