import type { Observable } from 'rxjs';
import type { VhostUserDevice } from './device.js';

export interface VhostUserOptions {
  /** Where to listen. A socket that nobody listens on any more is replaced. */
  readonly path: string;
  /** Who may connect: set before anybody can. By default the owner of this process, mode 0600. */
  readonly access?: { readonly uid?: number; readonly gid?: number; readonly mode: number };
  readonly device: VhostUserDevice;
  /**
   * A file that records which buffers the device holds, so that after a death of this process each is
   * returned exactly once. Without one that holds only for hypervisors that keep the record themselves
   * (VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD).
   */
  readonly recordFile?: string;
}

/** The process at the other end of the socket: the hypervisor. */
export interface VhostUserPeer {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

export type VhostUserState =
  /** Nobody is connected; `reason` says why the last connection ended. */
  | { readonly kind: 'waiting'; readonly reason?: string }
  /** A hypervisor is connected; its guest has no driver for the device (yet). */
  | { readonly kind: 'connected'; readonly peer: VhostUserPeer }
  /** The guest's driver uses the device. */
  | { readonly kind: 'running'; readonly peer: VhostUserPeer; readonly features: bigint }
  | { readonly kind: 'closed' };

/** Something that a guest or hypervisor did wrong. `queue` is stopped where one is named; else the connection ended. */
export interface VhostUserProblem {
  readonly queue: number | undefined;
  /** In one line. */
  readonly reason: string;
}

/** The back end of one vhost-user device: serves one hypervisor at a time, for as long as it listens. */
export interface VhostUserBackend {
  /** `vhost-user:PATH`, for messages. */
  readonly name: string;
  readonly state: VhostUserState;
  /** The present state on subscription, then each change; completes after `closed`. */
  readonly state$: Observable<VhostUserState>;
  readonly problems$: Observable<VhostUserProblem>;
  /**
   * A hypervisor shares memory that it can make shorter: nothing but its good will keeps it from ending this process.
   * Once for each connection.
   */
  readonly unsealed$: Observable<VhostUserPeer>;
  /** By name in snake_case; only ever grow. */
  readonly counters: Readonly<Record<string, number>>;
  /** Ends the connection, as an unplugged device, and goes on listening. */
  disconnect(): void;
  /** Stops listening and ends the connection; what was recorded stays for the next one. Idempotent. */
  close(): Promise<void>;
}
