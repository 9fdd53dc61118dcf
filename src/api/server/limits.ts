/** The bounds of the socket API; each can be set in the configuration under `[limits]`. */
export interface ApiLimits {
  /** Events kept for one connection; then the oldest are dropped and counted. */
  readonly clientQueue: number;
  /** Connections to one socket. */
  readonly connectionsPerSocket: number;
  /** Line requests of one connection. */
  readonly requestsPerConnection: number;
}

export const DEFAULT_API_LIMITS: ApiLimits = {
  clientQueue: 16_384,
  connectionsPerSocket: 256,
  requestsPerConnection: 256,
};

/** Calls of one connection under way at which the daemon stops reading from it. */
export const CALLS_PAUSE = 64;

/** Calls of one connection under way above which a call is answered with QUEUE_FULL. */
export const MAX_CALLS = 1_024;

/** Answers not yet taken by a client, bytes, at which the daemon stops reading from it. */
export const UNSENT_PAUSE = 262_144;

/** State and line changes kept for one connection; then the oldest are dropped and counted. */
export const MAX_NOTICES = 1_024;
