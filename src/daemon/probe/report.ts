import type { MessageDialect } from '../../driver/dialect.js';
import type { PortHolder } from '../../linux/port-holder.js';

/** What a port turned out to be; docs/probe.md has a section for each. */
export type Verdict =
  /** Firmware of a dialect that this version speaks. */
  | 'answered'
  /** A session of the serial link, and HELLO was not to be said. */
  | 'session'
  /** The serial link, but no answer to HELLO. */
  | 'no-hello'
  /** Messages of a dialect, and no frames around them, which a byte stream needs. */
  | 'other-dialect'
  /** Bytes and no valid frame: text. */
  | 'console'
  /** Bytes and no valid frame: anything else. */
  | 'wrong-speed'
  /** What is sent comes back. */
  | 'echo'
  /** Nothing came. */
  | 'silent'
  /** The port went away. */
  | 'unplugged'
  /** The port failed, as `reason` says. */
  | 'failed'
  | 'taken'
  | 'not-permitted'
  | 'missing'
  | 'not-a-port'
  /** It cannot be opened, as `reason` says. */
  | 'unavailable';

export interface ProbeReport {
  readonly url: string;
  /** Null where the link has no speed. */
  readonly baud: number | null;
  readonly verdict: Verdict;
  /** What an error said, in one line with the remedy. */
  readonly reason: string | null;
  readonly received: {
    readonly bytes: number;
    /** Valid frames of the serial link. */
    readonly frames: number;
    /** The first 32 bytes. */
    readonly head: Uint8Array;
  };
  readonly link: LinkFound | null;
  readonly dialect: 'virtio-msg' | MessageDialect | null;
  readonly firmware: FirmwareFound | null;
  /** Programs that run here and open new serial ports by themselves. */
  readonly grabbers: readonly PortHolder[];
}

/** The serial link that was opened, and what both sides take; null on a PLAIN one, where nothing is agreed. */
export interface LinkFound {
  readonly delivery: 'reliable' | 'plain';
  readonly window: number | null;
  readonly maxPayload: number | null;
}

/** What becomes of lines at a HELLO. */
export type HelloEffect =
  /** A driver had brought them up, and they are as they were. */
  | 'undisturbed'
  /** No driver had brought them up. */
  | 'not-in-use'
  /** They were reset if they were in use: the boot_id was not known, or the firmware cannot resume. */
  | 'reset';

/** What a coprocessor that speaks virtio-msg said. */
export interface FirmwareFound {
  /** Firmware name and version, as it says. */
  readonly ident: string;
  readonly bootId: number;
  /** `time`, `log`, `resume`. */
  readonly busFeatures: readonly string[];
  readonly maxMsgSize: number;
  /** What HELLO did to the lines. */
  readonly effect: HelloEffect;
  readonly roundTripNs: number | null;
  /** Its own clock, nanoseconds since it started; null without F_TIME. */
  readonly clockNs: bigint | null;
  /** How far this clock can be trusted: half the round trip. */
  readonly clockErrorNs: number | null;
  readonly devices: readonly DeviceFound[];
}

export interface DeviceFound {
  readonly number: number;
  /** The virtio device ID: 41 is GPIO. */
  readonly deviceId: number;
  /** Null where it is no GPIO device, or did not tell. */
  readonly lines: number | null;
  /** Lines that have a name; null where they could be read only by bringing up a device that is in use. */
  readonly namedLines: number | null;
  /** `irq`, `event-stamp`, `event-queue`, `names-in-config`: what it offers. */
  readonly features: readonly string[];
}
