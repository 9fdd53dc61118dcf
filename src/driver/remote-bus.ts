import type { Observable } from 'rxjs';
import type { Time } from '../base/clock.js';
import type { Timeouts } from '../base/timeouts.js';
import type { PacketLink } from '../link/packet-link.js';
import type { BusState, BusStatus } from './bus-status.js';
import type { DriverLog } from './driver-log.js';
import type { RemoteGpio } from './remote-gpio.js';

/**
 * The driver of one coprocessor, whatever its dialect: what the daemon holds. It lives as long as
 * the coprocessor is configured, and outlives its links: each opening of the port is given to
 * {@link attach}.
 */
export interface RemoteBus {
  /** By device number, or SRTM port. They appear when first described, and go only when the coprocessor says so. */
  readonly controllers$: Observable<ReadonlyMap<number, RemoteGpio>>;
  /**
   * What to hand to the next run as `knownBootId`: the boot in which every controller was brought up,
   * 0 while there is none, and always where the dialect has none.
   */
  readonly bootId$: Observable<number>;
  /** The present state on subscription, then each change. */
  readonly state$: Observable<BusState>;
  readonly status: BusStatus;
  /** Uses this link from now on, until it is down or the next one is attached. Throws CLOSED after {@link close}. */
  attach(link: PacketLink): void;
  /**
   * The message to look for a PLAIN device with (docs/protocol.md, "PLAIN"): one that it answers,
   * and that changes nothing there.
   */
  plainProbe(): Uint8Array;
  /** Ends it: requests reject, controllers go down for good. The link stays its owner's. Idempotent. */
  close(): void;
}

/** What a driver of any dialect is made with. */
export interface RemoteBusOptions {
  /** The coprocessor, for messages: `hub`. */
  readonly name: string;
  readonly time: Time;
  /** 0 <= random() < 1. */
  readonly random: () => number;
  readonly timeouts: Timeouts;
  /** As {@link RemoteBus.bootId$} last said in an earlier run: outputs then keep what they drive. */
  readonly knownBootId?: number;
  readonly log: DriverLog;
  /** What becomes of directions, values and interrupts when the firmware restarted. */
  readonly onRestart: 'restore' | 'release';
}
