import type { Level } from '../driver/remote-gpio.js';
import type { EdgeSelection, EventClock } from '../events/edge-event.js';

/**
 * The socket API as it stands on the wire (docs/api.md): method names, parameters, results and
 * notifications. Keys are in snake_case; null stands for "not known" or "none".
 */

/** Grows when something is removed or changes its meaning; additions leave it as it is. */
export const API_VERSION = 1;

/** Largest message, both directions. */
export const MAX_MESSAGE = 65_536;

/** Most entries one page of a list brings, whatever `count` asks for; and how many when it asks for none. */
export const MAX_PAGE = 256;

/** First element of a message (MessagePack-RPC). */
export const MESSAGE = { REQUEST: 0, RESPONSE: 1, NOTIFICATION: 2 } as const;

/** Methods of every socket. */
export const METHOD = {
  /** [] -> {@link WireServerInfo} */
  SERVER_INFO: 'server.info',

  /** [] -> {@link WireChipInfo} */
  CHIP_INFO: 'chip.info',
  /** [offset?, count?] -> {@link WirePage} of {@link WireLineInfo} */
  CHIP_LINES: 'chip.lines',
  /** [offset] -> {@link WireLineInfo} */
  CHIP_LINE_INFO: 'chip.line_info',
  /** [name] -> offset or nil */
  CHIP_FIND_LINE: 'chip.find_line',
  /** [what] -> nil; `what` one of {@link WATCHES} */
  CHIP_WATCH: 'chip.watch',

  /** [{@link WireRequestConfig}] -> {@link WireRequest} */
  REQUEST_CREATE: 'request.create',
  /** [id, offsets or nil] -> values */
  REQUEST_GET: 'request.get_values',
  /** [id, [[offset, value], ...]] -> nil */
  REQUEST_SET: 'request.set_values',
  /** [id, config] -> nil */
  REQUEST_RECONFIGURE: 'request.reconfigure',
  /** [id] -> nil */
  REQUEST_RELEASE: 'request.release',

  /** [{@link WireRequestConfig}] -> nil */
  PERSISTENT_REQUEST: 'persistent.request',
  /** [offsets or nil] -> offsets that were released */
  PERSISTENT_RELEASE: 'persistent.release',

  /** [] -> {@link WireDaemonStatus} */
  DAEMON_STATUS: 'daemon.status',
  /** [offset?, count?] -> {@link WirePage} of {@link WireCoprocessorStatus} */
  DAEMON_COPROCESSORS: 'daemon.coprocessors',
  /** [offset?, count?] -> {@link WirePage} of {@link WireChipStatus} */
  DAEMON_CHIPS: 'daemon.chips',
  /** [offset?, count?] -> {@link WirePage} of {@link WireExportStatus} */
  DAEMON_EXPORTS: 'daemon.exports',

  /** [{@link WireSyntheticRequest}] -> nil */
  SYNTHETIC_MAKE: 'synthetic.make',
  /** [name] -> nil */
  SYNTHETIC_DELETE: 'synthetic.delete',
  /** [offset?, count?] -> {@link WirePage} of {@link WireSynthetic} */
  SYNTHETIC_LIST: 'synthetic.list',
  /** [name, offset?, count?] -> {@link WirePage} of {@link WireSyntheticLine} */
  SYNTHETIC_LINES: 'synthetic.lines',
} as const;

/** Notifications, daemon to client. */
export const NOTIFICATION = {
  /** [request id, rows]: see event-rows.ts */
  EVENTS: 'events',
  /** [state] */
  CHIP_STATE: 'chip.state',
  /** [change] */
  LINE_CHANGE: 'chip.line_change',
} as const;

export const WATCHES = ['state', 'lines'] as const;
export type Watch = (typeof WATCHES)[number];

export interface WireError {
  readonly code: number;
  readonly name: string;
  readonly message: string;
}

/** A part of a list: `next` is the offset to ask for next, null at the end. */
export interface WirePage<Item> {
  readonly items: readonly Item[];
  readonly next: number | null;
}

export interface WireServerInfo {
  readonly server: 'gpiobridge';
  readonly version: string;
  readonly api: number;
  readonly pid: number;
  /** The chip of this socket; null on the control socket. */
  readonly chip: string | null;
}

export interface WireChipState {
  readonly kind: 'up' | 'starting' | 'down';
  readonly reason: string | null;
}

export interface WireChipInfo {
  readonly name: string;
  readonly label: string;
  readonly lines: number;
  readonly counts_loss: boolean;
  readonly state: WireChipState;
}

export interface WireLineInfo {
  readonly offset: number;
  readonly name: string | null;
  readonly used: boolean;
  readonly consumer: string | null;
  /** The synthetic chip that the line belongs to or is held through; null on that chip itself. */
  readonly through_chip: string | null;
  /** Of a synthetic chip's line: why it cannot be requested now. */
  readonly unavailable: string | null;
  /** Whether it stays requested without a client. */
  readonly persistent: boolean;
  readonly direction: 'input' | 'output';
  readonly active_low: boolean;
  readonly edges: EdgeSelection;
  readonly event_clock: EventClock;
  /** 0: not debounced. */
  readonly debounce_period_us: number;
}

export interface WireLineChange {
  readonly kind: 'requested' | 'released' | 'reconfigured';
  readonly timestamp_ns: bigint;
  readonly info: WireLineInfo;
  /** Changes lost just before this one, because the client did not take them. */
  readonly lost: number;
}

/** Every key but `direction` may be left out. */
export interface WireLineConfig {
  readonly direction: 'as-is' | 'input' | 'output';
  readonly edges?: EdgeSelection;
  readonly active_low?: boolean;
  readonly event_clock?: EventClock;
  readonly debounce_period_us?: number;
  readonly value?: Level;
}

export interface WireRequestConfig {
  readonly consumer: string;
  readonly offsets: readonly number[];
  /** One for all lines, or one for each. */
  readonly config: WireLineConfig | readonly WireLineConfig[];
}

export interface WireRequest {
  readonly id: number;
  readonly offsets: readonly number[];
}

export type WireCounters = Readonly<Record<string, number>>;

export interface WireDaemonStatus {
  readonly version: string;
  readonly pid: number;
  readonly runtime_dir: string;
  readonly uptime_ms: number;
  readonly clients: number;
  readonly requests: number;
  /** Lines that stay requested without a client. */
  readonly persistent_lines: number;
  /** Timers that run. */
  readonly timers: number;
  readonly memory: {
    readonly rss_bytes: number;
    readonly heap_used_bytes: number;
    readonly external_bytes: number;
  };
  readonly counters: WireCounters;
}

export interface WireCoprocessorStatus {
  readonly name: string;
  readonly link: string;
  readonly link_state: 'opening' | 'up' | 'down' | 'waiting';
  readonly reason: string | null;
  readonly delivery: 'reliable' | 'plain' | null;
  /** The device node that is open, where the link is found by another name. */
  readonly device: string | null;
  /** The remote processor behind an rpmsg link. */
  readonly processor: WireProcessorStatus | null;
  readonly dialect: string;
  readonly firmware: string | null;
  readonly boot_id: number | null;
  readonly round_trip_ns: number | null;
  readonly clock: WireClockStatus | null;
  readonly openings: number;
  readonly chips: readonly string[];
  readonly link_counters: WireCounters;
  readonly bus_counters: WireCounters;
}

/** A remote processor as the kernel's remoteproc shows it. */
export interface WireProcessorStatus {
  /** `remoteproc0` */
  readonly device: string;
  readonly name: string;
  /** offline, suspended, running, crashed, deleted, attached, detached. */
  readonly state: string;
  /** The file of its firmware. */
  readonly firmware: string | null;
  /** enabled or disabled. */
  readonly recovery: string | null;
}

export interface WireClockStatus {
  readonly offset_ns: bigint;
  readonly drift_ppm: number | null;
  readonly error_ns: number;
  readonly round_trip_ns: number;
  readonly samples: number;
}

export interface WireChipStatus {
  readonly name: string;
  readonly label: string;
  readonly lines: number;
  readonly counts_loss: boolean;
  readonly state: WireChipState['kind'];
  readonly reason: string | null;
  readonly clients: number;
  readonly requests: number;
  readonly persistent_lines: number;
  readonly counters: WireCounters;
}

/** A chip offered to a virtual machine. */
export interface WireExportStatus {
  readonly name: string;
  readonly type: 'vhost-user';
  readonly chip: string;
  readonly socket: string;
  /** Nobody can connect yet; nobody is connected; a hypervisor is; its guest's driver uses the device. */
  readonly state: 'waiting' | 'listening' | 'connected' | 'running';
  readonly reason: string | null;
  /** Of the hypervisor. */
  readonly pid: number | null;
  /** As far as the hypervisor tells. */
  readonly features: readonly string[] | null;
  /** That the guest sees; 0 before the chip described itself. */
  readonly lines: number;
  readonly requested_lines: readonly number[];
  readonly waiting_requests: number;
  /** The chip has other lines now than the guest was told of. */
  readonly outdated: boolean;
  readonly broken_queues: readonly { readonly queue: number; readonly reason: string }[];
  readonly counters: WireCounters;
}

/** How long a synthetic chip lives: as long as the connection that made it, or the daemon, or until it is deleted. */
export const LIFETIMES = ['connection', 'daemon', 'persistent'] as const;
export type Lifetime = (typeof LIFETIMES)[number];

/** Every key but `name` and `lines` may be left out. */
export interface WireSyntheticRequest {
  readonly name: string;
  readonly lines: readonly string[];
  readonly owner?: string | null;
  readonly group?: string | null;
  readonly mode?: string | null;
  readonly shared?: boolean;
  /** Default `daemon`. */
  readonly lifetime?: Lifetime;
}

/** A synthetic chip as it was asked for. */
export interface WireSynthetic {
  readonly name: string;
  readonly lines: readonly string[];
  readonly owner: string | null;
  readonly group: string | null;
  readonly mode: string | null;
  readonly shared: boolean;
  readonly lifetime: Lifetime | 'configuration';
  readonly state: WireChipState;
}

/** Where a line of a synthetic chip is, and who uses it. */
export interface WireSyntheticLine {
  readonly offset: number;
  readonly name: string | null;
  /** The chip that it is a line of. */
  readonly parent: string;
  /** Null while the parent has no such line, or is not there. */
  readonly parent_offset: number | null;
  readonly consumer: string | null;
  /** The synthetic chip that it is requested through. */
  readonly through_chip: string | null;
  readonly unavailable: string | null;
}
