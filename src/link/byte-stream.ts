import type { Observable } from 'rxjs';
import type { LinkDownCause } from './packet-link.js';

/**
 * A stream of bytes under the serial link: a tty, a pty, a Unix or TCP socket. Like a link it
 * lives for one opening. Faults of the simulator wrap one (firmware-sim/wire/faulty-stream.ts).
 */
export interface ByteStream {
  /** For messages: `serial:/dev/ttyACM0`. */
  readonly name: string;
  /** What one read brought, stamped with CLOCK_MONOTONIC before anybody looked at it. */
  readonly data$: Observable<ReceivedBytes>;
  /** Emits once, when the stream ended, and completes. */
  readonly end$: Observable<StreamEnd>;
  /** Bytes a second the line carries each way, or undefined where it has no speed (sockets, ptys). */
  readonly bytesPerSecond: number | undefined;
  /** Bytes handed to write() that are not yet written out. */
  readonly pendingBytes: number;
  /** Resolves when the bytes are written out to the port; rejects with LINK_DOWN when it ended. */
  write(bytes: Uint8Array): Promise<void>;
  /** Idempotent; `end$` reports `closed`. */
  close(): Promise<void>;
}

export interface ReceivedBytes {
  readonly arrivedNs: bigint;
  readonly bytes: Uint8Array;
}

export interface StreamEnd {
  readonly cause: LinkDownCause;
  /** In one line, with the remedy where there is one. */
  readonly reason: string;
}
