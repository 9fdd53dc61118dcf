/**
 * Every error that leaves a room of this house is a {@link BridgeError} with one of these names.
 * The numbers are part of the socket API (docs/api.md): they are never reused or renumbered.
 */
export const ERROR_CODES = {
  /** A parameter, flag or value is not acceptable; the message says which and what would be. */
  INVALID_ARGUMENT: 1,
  /** No such chip, line, request or method. */
  NOT_FOUND: 2,
  /** The line (or port, or name) is held by somebody else; the message says by whom where that may be told. */
  BUSY: 3,
  /** The operating system or the access rules refuse; the message names the remedy. */
  PERMISSION_DENIED: 4,
  /** The coprocessor, its dialect or this version cannot do it. */
  NOT_SUPPORTED: 5,
  /** A named time limit (base/timeouts.ts) ran out. */
  TIMEOUT: 6,
  /** The coprocessor answered with status ERR. */
  DEVICE_ERROR: 7,
  /** The channel to the coprocessor is not up, or broke while this was in flight. */
  LINK_DOWN: 8,
  /** The firmware started anew while this was in flight: whether it took effect is unknown. */
  FIRMWARE_RESTARTED: 9,
  /** The firmware that came back no longer describes this line as it was. */
  LINE_GONE: 10,
  /** A bounded queue is full: nothing of this was taken. */
  QUEUE_FULL: 11,
  /** The other end broke the protocol. */
  PROTOCOL_ERROR: 12,
  /** The object was closed or released before. */
  CLOSED: 13,
  /** The configuration is not valid; the message lists every error with its key. */
  CONFIG_INVALID: 14,
  /** Another daemon runs on this runtime directory. */
  DAEMON_RUNNING: 15,
  /** No daemon answers. */
  NO_DAEMON: 16,
  /** A file, device or socket could not be opened, read or written. */
  IO_ERROR: 17,
  /** A defect of this program. */
  INTERNAL: 18,
} as const;

/** The stable name of an error. */
export type ErrorName = keyof typeof ERROR_CODES;

/** An error with a stable name; `message` says what, where and what to do, in one line. */
export class BridgeError extends Error {
  override readonly name: ErrorName;

  constructor(name: ErrorName, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = name;
  }

  /** The stable number of this error in the socket API. */
  get code(): number {
    return ERROR_CODES[this.name];
  }
}

/** Turns whatever was thrown into a {@link BridgeError}; what is none already becomes `fallback`. */
export function toBridgeError(thrown: unknown, fallback: ErrorName = 'INTERNAL'): BridgeError {
  if (thrown instanceof BridgeError) return thrown;
  return new BridgeError(fallback, messageOf(thrown), { cause: thrown });
}

/** The message of whatever was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
