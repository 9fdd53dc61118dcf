import type { BridgeError } from '../../base/errors.js';
import type { Level } from '../../driver/remote-gpio.js';
import type { LineEvent } from '../../events/edge-event.js';
import type { ChipState, LineConfig, LineInfo, LineInfoChange, LineRequestConfig } from '../../gpio/chip.js';
import type { SyntheticDescription } from '../../gpio/synthetic/description.js';

/** What `connect` takes. */
export interface ConnectOptions {
  /**
   * The runtime directory of the daemon; without it GPIOBRIDGE_RUNTIME_DIR, else the first of the
   * usual places where a daemon answers (docs/api.md, "Where the sockets are").
   */
  readonly runtimeDir?: string;
  /** How long one call may wait for its answer, milliseconds; default: the time limit `client_call`. */
  readonly timeoutMs?: number;
}

/** A daemon, found. Holds no connection of its own until one is needed. */
export interface BridgeClient {
  /** The runtime directory in which the daemon was found. */
  readonly runtimeDir: string;
  /** The names of its chips, sorted naturally (`hub.2` before `hub.10`). Needs no permission on them. */
  chips(): Promise<string[]>;
  /**
   * Connects to one chip: by name, by number (`3` is the chip called `gpiochip3`), or by the path
   * of its socket or of a symlink to it. Rejects with NOT_FOUND, PERMISSION_DENIED, NO_DAEMON.
   */
  openChip(nameOrPathOrNumber: string): Promise<ChipClient>;
  /** What the daemon says of itself; needs access to the control socket, else PERMISSION_DENIED. */
  status(): Promise<DaemonStatus>;
  /** Chips made of lines of others; needs access to the control socket, else PERMISSION_DENIED. */
  readonly synthetic: SyntheticClient;
  /** Closes every connection made through this client. Idempotent. */
  close(): void;
}

/** Makes and deletes synthetic chips (docs/synthetic-chips.md). */
export interface SyntheticClient {
  /**
   * Makes a chip; it is served when this resolves. One that lives as long as the connection is gone
   * when this client is closed or this process ends, however it does. Rejects with INVALID_ARGUMENT,
   * NOT_FOUND (a chip or line), BUSY (its name or a line), PERMISSION_DENIED, ...
   */
  make(description: SyntheticDescription, lifetime?: Lifetime): Promise<void>;
  /** Ends its requests; resolves when its lines are free. Rejects with NOT_FOUND. */
  delete(name: string): Promise<void>;
  list(): Promise<SyntheticStatus[]>;
  /** Where its lines are. Rejects with NOT_FOUND. */
  lines(name: string): Promise<SyntheticLineStatus[]>;
  /** Resolves when the connection that chips live as long as is gone, with why. */
  readonly ended: Promise<BridgeError>;
}

/** `connection`: gone with the client that made it; `daemon`: until it is deleted or the daemon stops. */
export type Lifetime = 'connection' | 'daemon' | 'persistent';

export interface SyntheticStatus extends SyntheticDescription {
  readonly lifetime: Lifetime | 'configuration';
  readonly state: ChipState;
}

export interface SyntheticLineStatus {
  readonly offset: number;
  readonly name: string | null;
  /** The chip that it is a line of. */
  readonly parent: string;
  /** Null while the parent has no such line, or is not there. */
  readonly parentOffset: number | null;
  readonly consumer: string | null;
  /** The synthetic chip that it is requested through. */
  readonly throughChip: string | null;
  /** Why it cannot be requested now. */
  readonly unavailable: string | null;
}

/** A connection to one chip. */
export interface ChipClient {
  /** The chip's name as the daemon has it. */
  readonly name: string;
  info(): Promise<ChipInfo>;
  /** All lines; asked for in pages. */
  lines(): Promise<LineInfo[]>;
  /** Rejects with INVALID_ARGUMENT for an offset out of range. */
  lineInfo(offset: number): Promise<LineInfo>;
  /** The offset of the first line of that name, or undefined. */
  findLine(name: string): Promise<number | undefined>;
  /**
   * Makes these lines this process's own, until release() or close(). A request for edges gets a
   * connection to itself, so that a slow reader of its events delays nobody else.
   * Rejects with BUSY, INVALID_ARGUMENT, NOT_SUPPORTED, LINK_DOWN, TIMEOUT, DEVICE_ERROR, ...
   */
  requestLines(config: LineRequestConfig): Promise<LineRequestClient>;
  /**
   * Requests lines that stay requested after this process ends, until they are released; a line kept
   * for the same consumer already is changed instead. Rejects as {@link requestLines} does, and with
   * INVALID_ARGUMENT for edges.
   */
  requestPersistently(config: LineRequestConfig): Promise<void>;
  /**
   * Releases lines that stay requested, by whomever: these, or all of the chip. Returns which they
   * were. Rejects with NOT_FOUND, and releases none, when one of these is not such a line.
   */
  releasePersistent(offsets?: readonly number[]): Promise<number[]>;
  /** The present state at once, then each change; ends with the connection. */
  states(): AsyncIterable<ChipState>;
  /** Lines requested, released and reconfigured, by anyone; ends with the connection. */
  lineChanges(): AsyncIterable<LineChange>;
  /** Ends the connection and with it every request made through it. Idempotent. */
  close(): void;
}

/** Lines that this process owns. */
export interface LineRequestClient {
  readonly offsets: readonly number[];
  readonly consumer: string;
  /** Logical values, in the order asked; of all lines when no offsets are given. */
  getValues(offsets?: readonly number[]): Promise<Level[]>;
  /** Sets outputs by offset; those not named keep their value. */
  setValues(values: ReadonlyMap<number, Level>): Promise<void>;
  reconfigure(config: LineConfig | readonly LineConfig[]): Promise<void>;
  /** Gives the lines back. What was sensed until then still comes out of events(), which then ends. Idempotent. */
  release(): Promise<void>;
  /**
   * What happened since the request was made, in the order of each line, in batches; one consumer.
   * Ends after an {@link EndedEvent}; throws when the connection broke. While the consumer is slow
   * the socket is not read: the daemon then drops the oldest of its bounded queue, counts them, and
   * reports them as a gap with reason `client-queue`.
   */
  events(): AsyncIterable<readonly RequestEvent[]>;
}

export type RequestEvent = LineEvent | ChipStateEvent | EndedEvent;

/** The chip of a request changed its state. */
export interface ChipStateEvent {
  readonly type: 'chip';
  readonly chip: string;
  readonly state: ChipState['kind'];
  /** Only when down. */
  readonly reason?: string;
  /** CLOCK_MONOTONIC. */
  readonly timestampNs: bigint;
}

/** The last event of a request. */
export interface EndedEvent {
  readonly type: 'ended';
  readonly chip: string;
  /** `released`, or why the lines went away. */
  readonly reason: string;
}

/** A line was requested, released or reconfigured. */
export interface LineChange extends LineInfoChange {
  /** Changes lost just before this one, because this process did not take them. */
  readonly lost: number;
}

export interface ChipInfo {
  readonly name: string;
  /** The firmware's identity, or what the configuration says. */
  readonly label: string;
  /** How many; 0 until the coprocessor has described itself. */
  readonly lines: number;
  /** Whether every lost edge is counted. */
  readonly countsLoss: boolean;
  readonly state: ChipState;
}

/** Counters by name in snake_case; they only ever grow. */
export type Counters = Readonly<Record<string, number>>;

/** What `status` tells. Times in the names' units; null where not known. */
export interface DaemonStatus {
  readonly version: string;
  readonly pid: number;
  readonly runtimeDir: string;
  readonly uptimeMs: number;
  /** Connections open now, on all sockets. */
  readonly clients: number;
  /** Line requests of connections open now. */
  readonly requests: number;
  /** Lines that stay requested without a connection. */
  readonly persistentLines: number;
  /** Timers that run: of a daemon in a steady state as many, on the whole, as ever. */
  readonly timers: number;
  readonly memory: {
    readonly rssBytes: number;
    readonly heapUsedBytes: number;
    readonly externalBytes: number;
  };
  /** Of the socket API, by cause. */
  readonly counters: Counters;
  readonly coprocessors: readonly CoprocessorStatus[];
  readonly chips: readonly ChipStatus[];
  readonly exports: readonly ExportStatus[];
}

export interface CoprocessorStatus {
  readonly name: string;
  /** As configured: `serial:/dev/ttyACM0?baud=921600`. */
  readonly link: string;
  readonly linkState: 'opening' | 'up' | 'down' | 'waiting';
  /** Why it is not up. */
  readonly reason: string | null;
  /** Whether damage is repaired; null unless up. */
  readonly delivery: 'reliable' | 'plain' | null;
  /** The device node that is open, where the link is found by another name: `/dev/rpmsg0`. */
  readonly device: string | null;
  /** The remote processor behind an rpmsg link. */
  readonly processor: ProcessorStatus | null;
  readonly dialect: string;
  /** Firmware name and version as it says; null before the first handshake. */
  readonly firmware: string | null;
  /** The coprocessor's boot_id; null before the first handshake. */
  readonly bootId: number | null;
  readonly roundTripNs: number | null;
  /** The mapping of the coprocessor's clock to CLOCK_MONOTONIC. */
  readonly clock: ClockStatus | null;
  /** How often its port was opened. */
  readonly openings: number;
  /** Names of its chips. */
  readonly chips: readonly string[];
  readonly linkCounters: Counters;
  readonly busCounters: Counters;
}

/** A remote processor as the kernel's remoteproc shows it. */
export interface ProcessorStatus {
  /** `remoteproc0` */
  readonly device: string;
  readonly name: string;
  /** offline, suspended, running, crashed, deleted, attached, detached. */
  readonly state: string;
  /** The file of its firmware. */
  readonly firmware: string | null;
  /** Whether the kernel restarts it after a crash: enabled or disabled. */
  readonly recovery: string | null;
}

export interface ClockStatus {
  /** Host minus device. */
  readonly offsetNs: bigint;
  readonly driftPpm: number | null;
  /** Bound of the mapping's error. */
  readonly errorNs: number;
  readonly roundTripNs: number;
  readonly samples: number;
}

export interface ChipStatus {
  readonly name: string;
  readonly label: string;
  readonly lines: number;
  readonly countsLoss: boolean;
  readonly state: ChipState['kind'];
  readonly reason: string | null;
  /** Connections to its socket. */
  readonly clients: number;
  readonly requests: number;
  /** Lines that stay requested without a connection. */
  readonly persistentLines: number;
  readonly counters: Counters;
}

/** A chip offered to a virtual machine (docs/virtual-machines.md). */
export interface ExportStatus {
  readonly name: string;
  readonly type: 'vhost-user';
  readonly chip: string;
  readonly socket: string;
  /** Nobody can connect yet; nobody is connected; a hypervisor is; its guest's driver uses the device. */
  readonly state: 'waiting' | 'listening' | 'connected' | 'running';
  readonly reason: string | null;
  /** Of the hypervisor. */
  readonly pid: number | null;
  /** Negotiated by the guest's driver, as far as the hypervisor tells. */
  readonly features: readonly string[] | null;
  /** That the guest sees; 0 before the chip described itself. */
  readonly lines: number;
  /** Offsets of the lines that the guest holds. */
  readonly requestedLines: readonly number[];
  /** Requests of the guest that wait for the coprocessor. */
  readonly waitingRequests: number;
  /** The chip has other lines now than the guest was told of. */
  readonly outdated: boolean;
  /** Queues that were stopped since the guest's driver started, and why. */
  readonly brokenQueues: readonly { readonly queue: number; readonly reason: string }[];
  readonly counters: Counters;
}
