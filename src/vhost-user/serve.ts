import { readFileSync } from 'node:fs';
import { BehaviorSubject, type Observable, Subject } from 'rxjs';
import { BridgeError, messageOf } from '../base/errors.js';
import { peerCredentials } from '../linux/peer-credentials.js';
import { UnixListener } from '../linux/unix-listener.js';
import type {
  VhostUserBackend,
  VhostUserOptions,
  VhostUserPeer,
  VhostUserProblem,
  VhostUserState,
} from './backend.js';
import { Connection } from './connection.js';
import { newBackendCounters } from './counters.js';
import { DeviceRecord } from './inflight/device-record.js';
import { Session } from './session.js';

const BOOT_ID = '/proc/sys/kernel/random/boot_id';
const DEFAULT_ACCESS = { mode: 0o600 };

/**
 * Listens for a hypervisor and serves it the device. Rejects with BUSY, PERMISSION_DENIED or IO_ERROR
 * in one line with the remedy.
 */
export async function serveVhostUser(options: VhostUserOptions): Promise<VhostUserBackend> {
  const { device, recordFile } = options;
  const record = new DeviceRecord(recordFile, {
    queueSizes: device.maxQueueSizes,
    keptLength: device.keptLength ?? 0,
    bootId: bootId(),
  });
  try {
    return new Backend(options, record);
  } catch (thrown) {
    record.close();
    throw listenFailed(options.path, thrown as NodeJS.ErrnoException);
  }
}

class Backend implements VhostUserBackend {
  readonly name: string;
  readonly state$: Observable<VhostUserState>;
  readonly problems$: Observable<VhostUserProblem>;
  readonly unsealed$: Observable<VhostUserPeer>;
  readonly counters = newBackendCounters();
  private readonly states = new BehaviorSubject<VhostUserState>({ kind: 'waiting' });
  private readonly problems = new Subject<VhostUserProblem>();
  private readonly unsealed = new Subject<VhostUserPeer>();
  private readonly listener: UnixListener;
  private connection: Connection | undefined;

  constructor(
    private readonly options: VhostUserOptions,
    private readonly record: DeviceRecord,
  ) {
    this.name = `vhost-user:${options.path}`;
    this.state$ = this.states.asObservable();
    this.problems$ = this.problems.asObservable();
    this.unsealed$ = this.unsealed.asObservable();
    this.listener = new UnixListener(options.path, options.access ?? DEFAULT_ACCESS, (fd) => this.accept(fd));
    this.listener.resume();
  }

  get state(): VhostUserState {
    return this.states.value;
  }

  disconnect(): void {
    if (this.connection === undefined) return;
    this.connection.close();
    this.ended('disconnected on request');
  }

  async close(): Promise<void> {
    if (this.state.kind === 'closed') return;
    this.connection?.close();
    this.connection = undefined;
    this.listener.close();
    this.record.close();
    this.states.next({ kind: 'closed' });
    this.states.complete();
    this.problems.complete();
    this.unsealed.complete();
  }

  /** Whoever else connects waits until this one is gone. */
  private accept(fd: number): void {
    const peer = peerCredentials(fd);
    this.listener.pause();
    this.counters.connections++;
    const session = new Session({
      device: this.options.device,
      record: this.record,
      counters: this.counters,
      events: {
        driver: (features) => this.driverChanged(peer, features),
        broken: (queue, reason) => this.problems.next({ queue, reason }),
        unsealed: () => this.unsealed.next(peer),
      },
    });
    this.connection = new Connection(fd, session, this.counters, (violation) => this.violated(violation));
    this.states.next({ kind: 'connected', peer });
  }

  private driverChanged(peer: VhostUserPeer, features: bigint | undefined): void {
    this.states.next(
      features === undefined ? { kind: 'connected', peer } : { kind: 'running', peer, features },
    );
  }

  private violated(violation: string | undefined): void {
    if (violation !== undefined) {
      this.counters.violations++;
      this.problems.next({ queue: undefined, reason: violation });
    }
    this.ended(violation ?? 'the hypervisor hung up');
  }

  private ended(reason: string): void {
    this.connection = undefined;
    this.states.next({ kind: 'waiting', reason });
    this.listener.resume();
  }
}

function bootId(): Uint8Array {
  return Buffer.from(readFileSync(BOOT_ID, 'latin1').trim().replaceAll('-', ''), 'hex');
}

function listenFailed(path: string, error: NodeJS.ErrnoException): BridgeError {
  const name = `vhost-user:${path}`;
  const options = { cause: error };
  switch (error.code) {
    case 'EADDRINUSE':
      return new BridgeError(
        'BUSY',
        `${name}: another program listens on it: end that one, or choose another path`,
        options,
      );
    case 'EEXIST':
      return new BridgeError(
        'BUSY',
        `${name}: ${path} exists and is not a socket: remove it, or choose another path`,
        options,
      );
    case 'EACCES':
    case 'EPERM':
      return new BridgeError('PERMISSION_DENIED', `${name}: no permission to create it there`, options);
    case 'ENOENT':
      return new BridgeError('IO_ERROR', `${name}: its directory does not exist: make it first`, options);
    case 'ENAMETOOLONG':
      return new BridgeError(
        'IO_ERROR',
        `${name}: the path is too long for a socket: choose a shorter one`,
        options,
      );
    default:
      return new BridgeError('IO_ERROR', `${name}: ${messageOf(error)}`, options);
  }
}
