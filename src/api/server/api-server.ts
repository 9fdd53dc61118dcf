import { chmodSync, readdirSync, rmSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.js';
import { BridgeError } from '../../base/errors.js';
import { makeDirectory } from '../../base/make-directory.js';
import type { Chip } from '../../gpio/chip.js';
import { PersistentLines } from '../../gpio/persistent-lines.js';
import { peerUser } from '../../linux/peer-credentials.js';
import { chipSocket, type RuntimeLayout } from '../runtime-dir.js';
import { API_VERSION, METHOD, type WireServerInfo } from '../schema.js';
import { Admission } from './admission.js';
import { CallTurns } from './call-turns.js';
import { ChipSession } from './chip-session.js';
import { Connection, type Session } from './connection.js';
import { ControlSession, type StatusSource } from './control-session.js';
import { type ApiCounters, newApiCounters } from './counters.js';
import type { ApiLimits } from './limits.js';
import { ServedChips } from './served-chips.js';
import { listenAt, type SocketAccess, stopListening } from './socket.js';
import type { SyntheticControl } from './synthetic-calls.js';

/** Names that a chip may have: they are names of files, and users type them. */
export const CHIP_NAME = /^(?![0-9]+$)[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;

/** What to say of one that is none; `most` characters, where fewer are allowed. */
export function noChipName(name: string, most = 64): string {
  return (
    `'${name}' is no name: use up to ${most} letters, digits, '_', '-' and '.', ` +
    `beginning with a letter, a digit or '_', not only digits`
  );
}

export interface ApiServerOptions {
  readonly layout: RuntimeLayout;
  readonly clock: Clock;
  readonly limits: ApiLimits;
  readonly version: string;
  /** How long clients may take to read the last of what is for them when their socket goes. */
  readonly graceMs: number;
  /** Something about a client went wrong that nobody else is told. */
  readonly warn: (event: string, fields: Readonly<Record<string, unknown>>) => void;
}

/** One socket with its connections. */
interface Endpoint {
  readonly path: string;
  readonly chip: string | undefined;
  /** Lines of the chip that stay requested without a connection. */
  readonly persistent: PersistentLines | undefined;
  server: Server | undefined;
  readonly connections: Map<Connection, Session>;
  readonly admission: Admission;
}

/** The sockets of a daemon: one for each chip, and the control socket. */
export class ApiServer {
  readonly counters: ApiCounters = newApiCounters();
  readonly chips = new ServedChips();
  readonly #options: ApiServerOptions;
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #connections = new Set<Connection>();
  readonly #turns: CallTurns;

  /** Makes the folder of chips, and removes what a daemon before this one left. */
  constructor(options: ApiServerOptions) {
    this.#options = options;
    this.#turns = new CallTurns(options.clock);
    const { layout } = options;
    makeDirectory(layout.chips, 'directory of chips', 0o755);
    // Whatever the umask: everybody may see which chips there are.
    chmodSync(layout.chips, 0o755);
    for (const stale of readdirSync(layout.chips)) rmSync(join(layout.chips, stale), { force: true });
    rmSync(layout.control, { force: true });
  }

  /** Connections and line requests open now, and lines kept without, on the socket of one chip or on all. */
  usage(chip?: string): { clients: number; requests: number; persistent_lines: number } {
    let clients = 0;
    let requests = 0;
    let persistent_lines = 0;
    for (const endpoint of this.#endpoints.values()) {
      if (chip !== undefined && endpoint.chip !== chip) continue;
      clients += endpoint.connections.size;
      persistent_lines += endpoint.persistent?.count ?? 0;
      for (const session of endpoint.connections.values()) {
        if (session instanceof ChipSession) requests += session.requests;
      }
    }
    return { clients, requests, persistent_lines };
  }

  /** Offers a chip on a socket of its name. */
  async addChip(chip: Chip, access: SocketAccess): Promise<void> {
    if (!CHIP_NAME.test(chip.name)) {
      throw new BridgeError('INVALID_ARGUMENT', `'${chip.name}' cannot be the name of a chip`);
    }
    const { clock, limits, warn } = this.#options;
    const persistent = new PersistentLines(chip, (offset, reason) => {
      warn('persistent_line_ended', { chip: chip.name, offset, reason });
    });
    const endpoint = {
      path: chipSocket(this.#options.layout, chip.name),
      chip: chip.name,
      persistent,
      server: undefined,
      connections: new Map(),
      admission: new Admission(limits.connectionsPerSocket),
    };
    await this.#open(endpoint, access, (connection) => {
      return new ChipSession(connection, {
        chip,
        clock,
        persistent,
        maxRequests: limits.requestsPerConnection,
        onReleaseFailed: (error) => warn('release_failed', { chip: chip.name, error }),
      });
    });
    this.chips.add(chip);
  }

  /** Takes a chip away: its requests end with `reason`, its clients are disconnected. */
  async removeChip(name: string, reason: string): Promise<void> {
    this.chips.remove(name);
    const endpoint = this.#endpoints.get(chipSocket(this.#options.layout, name));
    if (endpoint !== undefined) await this.#close(endpoint, reason);
  }

  async openControl(source: StatusSource, synthetic: SyntheticControl, access: SocketAccess): Promise<void> {
    const endpoint = {
      path: this.#options.layout.control,
      chip: undefined,
      persistent: undefined,
      server: undefined,
      connections: new Map(),
      admission: new Admission(this.#options.limits.connectionsPerSocket),
    };
    await this.#open(endpoint, access, () => new ControlSession(source, synthetic));
  }

  /**
   * Ends everything in order: no new clients, requests given back and told `reason`, connections
   * closed. Takes as long as the coprocessors and the clients do: {@link destroy} cuts it short.
   */
  async close(reason: string): Promise<void> {
    await Promise.all([...this.#endpoints.values()].map((endpoint) => this.#close(endpoint, reason)));
  }

  /** Cuts every connection that is left. */
  destroy(): void {
    for (const connection of [...this.#connections]) connection.destroy();
  }

  async #open(
    endpoint: Endpoint,
    access: SocketAccess,
    openSession: (connection: Connection) => Session,
  ): Promise<void> {
    const { path } = endpoint;
    if (this.#endpoints.has(path)) throw new BridgeError('BUSY', `there is a socket '${path}' already`);
    this.#endpoints.set(path, endpoint);
    try {
      endpoint.server = await listenAt(path, this.#options.layout.dir, access, (socket) => {
        this.#accept(endpoint, socket, openSession);
      });
    } catch (thrown) {
      this.#endpoints.delete(path);
      throw thrown;
    }
    // EMFILE and the like: nobody gets in for a while, and that is all.
    endpoint.server.on('error', (error) => this.#options.warn('socket_error', { path, error }));
  }

  #accept(endpoint: Endpoint, socket: Socket, openSession: (connection: Connection) => Session): void {
    const { clock, limits } = this.#options;
    const uid = peerUser(socket);
    if (!endpoint.admission.enter(uid)) {
      this.counters.connections_refused++;
      socket.destroy();
      return;
    }
    this.counters.connections++;
    const options = {
      clientQueue: limits.clientQueue,
      counters: this.counters,
      turns: this.#turns,
      realtimeOffsetNs: () => clock.realtimeNs() - clock.monotonicNs(),
      onClose: (closed: Connection) => {
        endpoint.connections.delete(closed);
        endpoint.admission.leave(uid);
        this.#connections.delete(closed);
      },
    };
    const connection = new Connection(socket, options, (opened) => {
      const session = new CommonMethods(openSession(opened), this.#info(endpoint.chip));
      endpoint.connections.set(opened, session.inner);
      return session;
    });
    this.#connections.add(connection);
  }

  #info(chip: string | undefined): WireServerInfo {
    const { version } = this.#options;
    return { server: 'gpiobridge', version, api: API_VERSION, pid: process.pid, chip: chip ?? null };
  }

  async #close(endpoint: Endpoint, reason: string): Promise<void> {
    this.#endpoints.delete(endpoint.path);
    if (endpoint.server !== undefined) stopListening(endpoint.server, endpoint.path);
    const closing = [...endpoint.connections].map(async ([connection, session]) => {
      if (session instanceof ChipSession) await session.endRequests(reason);
      const timer = setTimeout(() => connection.destroy(), this.#options.graceMs);
      await connection.end();
      clearTimeout(timer);
    });
    await Promise.all([...closing, endpoint.persistent?.close()]);
  }
}

/** The methods of every socket, before those of its own. */
class CommonMethods implements Session {
  constructor(
    readonly inner: Session,
    private readonly info: WireServerInfo,
  ) {}

  call(method: string, params: readonly unknown[]): unknown {
    return method === METHOD.SERVER_INFO ? this.info : this.inner.call(method, params);
  }

  close(): void {
    this.inner.close();
  }
}
