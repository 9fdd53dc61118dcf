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

/** Calls of one connection under way; the daemon reads no further from it until some are answered. */
export const MAX_CALLS = 64;

/** Answers not yet taken by a client, bytes, at which it answers no further. */
export const UNSENT_PAUSE = 262_144;

/** State and line changes kept for one connection; then the oldest are dropped and counted. */
export const MAX_NOTICES = 1_024;
