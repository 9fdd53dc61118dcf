import type { Observable } from 'rxjs';

/**
 * A packet channel: whole packets, in order, with their boundaries. Every dialect runs over it,
 * on either side. The contract suite (test/contract/packet-link.ts) runs on every implementation.
 *
 * A link object lives for one opening of its port; whoever reopens makes a new one. Within that
 * opening the *channel* may break and come up again (a new session of the serial link, a renewal): `state$`
 * then goes from `up` to `opening` to `up`, and each `up` is a new channel, with nothing of the
 * old one in it. `down` is final.
 */
export interface PacketLink {
  /** For messages and logs, as in the configuration: `serial:/dev/ttyACM0`. */
  readonly name: string;
  /** The device node that it has open, where that is found by another name: `/dev/rpmsg0`. */
  readonly devicePath?: string | undefined;
  /** The present state. */
  readonly state: LinkState;
  /** The present state on subscription, then each change; completes after `down`. */
  readonly state$: Observable<LinkState>;
  /** What came, one batch for one read of the port; nothing is emitted unless `up`. */
  readonly packets$: Observable<PacketBatch>;
  /** The largest packet both sides take, bytes. Fixed while `up`. */
  readonly maxPacket: number;
  /**
   * The largest packet worth sending just now, at most `maxPacket`: smaller for a while on a
   * damaged line, where short frames get through. Advice only.
   */
  readonly packetHint: number;
  /** How many more packets it would put on the wire now, without keeping them waiting. 0 unless `up`. */
  readonly room: number;
  /**
   * Whether it writes at the end of this turn in any case, to acknowledge what it received: a packet that is
   * handed over before then costs no write of its own, here or at the other end. Absent: never.
   */
  readonly writesAnyway?: boolean;
  /** Emits when `room` went from 0 to more. */
  readonly room$: Observable<void>;
  /**
   * Hands a packet over; the caller no longer changes its bytes. Resolves when the link has put
   * it on the wire. Rejects with LINK_DOWN when not up or when the channel breaks before, with
   * QUEUE_FULL when the bounded queue is full, with INVALID_ARGUMENT above `maxPacket`. What was
   * resolved may still be lost when the channel breaks, never otherwise.
   */
  send(packet: Uint8Array): Promise<void>;
  /**
   * Makes a new channel that nothing sent before can reach (another rpmsg endpoint): `state$` goes from
   * `up` to `opening` to `up` with the next channel, or `down` where no new one can be made. What
   * waits to be sent rejects with LINK_DOWN. Does nothing unless `up`. Absent where impossible; that is
   * known once the link is up.
   */
  readonly renew?: (() => void) | undefined;
  /** Ends the link: `down` with reason `closed`. Idempotent; resolves when the port is closed. */
  close(): Promise<void>;
  /** Frames and bytes by kind and fate; only ever grow. */
  readonly counters: LinkCounters;
}

export type LinkState =
  /** No packets yet, or none any more: a handshake is going on. */
  | { readonly kind: 'opening'; readonly reason?: string }
  | {
      readonly kind: 'up';
      /** 1 for the first channel of this link, then one more each. */
      readonly channel: number;
      /** Whether damage is repaired (`reliable`), or only detected so that packets may go missing (`plain`). */
      readonly delivery: 'reliable' | 'plain';
    }
  | { readonly kind: 'down'; readonly reason: string; readonly cause: LinkDownCause };

/** Why a link ended: decides what the supervisor does next. */
export type LinkDownCause =
  /** close() was called */
  | 'closed'
  /** the port or endpoint went away, or the peer hung up: open it again */
  | 'gone'
  /** it could not be opened, or failed: open it again, with growing pauses */
  | 'error';

/** The packets of one read. */
export interface PacketBatch {
  /** CLOCK_MONOTONIC when the bytes arrived, taken before they were decoded. */
  readonly arrivedNs: bigint;
  readonly packets: readonly Uint8Array[];
}

/** Counters by name in snake_case, as `status` shows them. */
export type LinkCounters = Readonly<Record<string, number>>;
