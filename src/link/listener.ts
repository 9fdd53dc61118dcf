import type { Observable } from 'rxjs';
import type { ByteStream } from './byte-stream.js';
import type { PacketLink } from './packet-link.js';

/** Something that others connect to: the device's side of a link. */
export type Listener = StreamListener | LinkListener;

interface AnyListener {
  /**
   * `unix:/tmp/hub.sock`, `tcp:127.0.0.1:4000` with the port that was chosen for 0, `pty:/tmp/hub`,
   * `seqpacket:/tmp/hub.sock`.
   */
  readonly name: string;
  /**
   * Takes away what drivers use, and lets nobody begin, until {@link offer}; who listens for drivers goes on. Only
   * where that can be told apart from {@link close}: a virtual machine keeps a device that is out of service.
   */
  withdraw?(): void;
  offer?(): void;
  /** Stops listening and closes what was accepted. Idempotent. */
  close(): Promise<void>;
}

/** Whoever connects brings a stream of bytes, for a serial link over it. */
export interface StreamListener extends AnyListener {
  /** Each connection; a pty gives its one stream at once, which lasts. Subscribe before the next turn. */
  readonly streams$: Observable<ByteStream>;
}

/** Whoever connects brings a link, which has packets of its own. */
export interface LinkListener extends AnyListener {
  /** Each connection: its device's end, which is up. Subscribe before the next turn. */
  readonly links$: Observable<PacketLink>;
}
