import type { Subscription } from 'rxjs';
import type { Clock } from '../../base/clock.js';
import { BridgeError } from '../../base/errors.js';
import type { Chip, ChipState, LineInfoChange, LineRequest } from '../../gpio/chip.js';
import type { PersistentLines } from '../../gpio/persistent-lines.js';
import type { ChipStateEvent } from '../client/types.js';
import { METHOD, WATCHES, type Watch, type WireRequest } from '../schema.js';
import { type Connection, ResultThen, type Session } from './connection.js';
import type { EventOwner } from './event-messages.js';
import {
  countOf,
  lineConfigs,
  lineValues,
  offsets,
  oneOf,
  pageParams,
  requestConfig,
  text,
  uint,
} from './params.js';
import { wireChipInfo, wireChipState, wireLineInfo, wirePage } from './wire-shapes.js';

/** A line request that a connection owns. */
interface OwnedRequest extends EventOwner {
  readonly request: LineRequest;
  subscription: Subscription | undefined;
}

export interface ChipSessionOptions {
  readonly chip: Chip;
  readonly clock: Clock;
  /** Those of the chip, whoever asked for them. */
  readonly persistent: PersistentLines;
  readonly maxRequests: number;
  /** A request could not be given back in order; its lines are free all the same. */
  readonly onReleaseFailed: (error: unknown) => void;
}

/** The methods of one connection to a chip's socket, and the requests it owns. */
export class ChipSession implements Session {
  readonly #connection: Connection;
  readonly #options: ChipSessionOptions;
  readonly #chip: Chip;
  readonly #requests = new Map<number, OwnedRequest>();
  readonly #watched = new Set<Watch>();
  readonly #subscriptions: Subscription[] = [];
  #nextId = 1;
  /** Requests being made count, so that many at once do not pass the limit together. */
  #making = 0;
  #closed = false;
  #endReason: string | undefined;
  #followingState = false;

  constructor(connection: Connection, options: ChipSessionOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#chip = options.chip;
  }

  /** Line requests open now. */
  get requests(): number {
    return this.#requests.size;
  }

  call(method: string, params: readonly unknown[]): unknown {
    const handler = CHIP_METHODS.get(method);
    if (handler === undefined) {
      throw new BridgeError('NOT_FOUND', `no method '${method.slice(0, 64)}' on a chip's socket`);
    }
    return handler(this, params);
  }

  close(): void {
    this.#closed = true;
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    for (const owned of this.#requests.values()) {
      owned.subscription?.unsubscribe();
      owned.request.release().catch(this.#options.onReleaseFailed);
    }
    this.#requests.clear();
  }

  /** Gives back every request, telling the client `reason`; resolves when that is done. */
  async endRequests(reason: string): Promise<void> {
    this.#endReason = reason;
    const releases = [...this.#requests.values()].map((owned) => owned.request.release());
    for (const result of await Promise.allSettled(releases)) {
      if (result.status === 'rejected') this.#options.onReleaseFailed(result.reason);
    }
  }

  info(params: readonly unknown[]): unknown {
    countOf(params, 0, 0);
    return wireChipInfo(this.#chip);
  }

  lines(params: readonly unknown[]): unknown {
    const page = pageParams(params);
    return wirePage(this.#chip.lineCount, (offset) => wireLineInfo(this.#chip.lineInfo(offset)), page);
  }

  lineInfo(params: readonly unknown[]): unknown {
    countOf(params, 1, 1);
    return wireLineInfo(this.#chip.lineInfo(uint(params[0], 'offset')));
  }

  findLine(params: readonly unknown[]): unknown {
    countOf(params, 1, 1);
    return this.#chip.findLine(text(params[0], 'name')) ?? null;
  }

  watch(params: readonly unknown[]): unknown {
    countOf(params, 1, 1);
    const what = oneOf(params[0], 'what', WATCHES);
    if (this.#watched.has(what)) return null;
    this.#watched.add(what);
    this.#subscriptions.push(
      what === 'state'
        ? this.#chip.state$.subscribe((state) => {
            this.#connection.notify({ kind: 'state', state: wireChipState(state) });
          })
        : this.#chip.lineInfo$.subscribe((change) => this.#notifyLine(change)),
    );
    return null;
  }

  async createRequest(params: readonly unknown[]): Promise<ResultThen> {
    countOf(params, 1, 1);
    const config = requestConfig(params[0], 'request');
    if (this.#requests.size + this.#making >= this.#options.maxRequests) {
      throw new BridgeError(
        'QUEUE_FULL',
        `this connection has ${this.#options.maxRequests} requests: release some, or use another connection`,
      );
    }
    this.#making++;
    let request: LineRequest;
    try {
      request = await this.#chip.requestLines(config);
    } finally {
      this.#making--;
    }
    if (this.#closed) {
      request.release().catch(this.#options.onReleaseFailed);
      throw new BridgeError('CLOSED', 'the connection is closed');
    }
    return this.#own(request);
  }

  getValues(params: readonly unknown[]): unknown {
    countOf(params, 1, 2);
    const { request } = this.#owned(params[0]);
    if (params[1] === undefined || params[1] === null) return request.getValues();
    return request.getValues(offsets(params[1], 'offsets'));
  }

  setValues(params: readonly unknown[]): unknown {
    countOf(params, 2, 2);
    return this.#owned(params[0]).request.setValues(lineValues(params[1], 'values'));
  }

  reconfigure(params: readonly unknown[]): unknown {
    countOf(params, 2, 2);
    const { request } = this.#owned(params[0]);
    return request.reconfigure(lineConfigs(params[1], 'config', request.offsets.length));
  }

  release(params: readonly unknown[]): unknown {
    countOf(params, 1, 1);
    return this.#owned(params[0]).request.release();
  }

  requestPersistently(params: readonly unknown[]): unknown {
    countOf(params, 1, 1);
    return this.#options.persistent.keep(requestConfig(params[0], 'request'));
  }

  releasePersistent(params: readonly unknown[]): unknown {
    countOf(params, 0, 1);
    const all = params[0] === undefined || params[0] === null;
    return this.#options.persistent.release(all ? undefined : offsets(params[0], 'offsets'));
  }

  #own(request: LineRequest): ResultThen {
    const owned: OwnedRequest = { id: this.#nextId++, request, subscription: undefined };
    this.#requests.set(owned.id, owned);
    this.#followState();
    const result: WireRequest = { id: owned.id, offsets: request.offsets };
    // The client has to know the id before it sees the first event.
    return new ResultThen(result, () => this.#subscribe(owned));
  }

  #subscribe(owned: OwnedRequest): void {
    if (this.#closed) return;
    owned.subscription = owned.request.events$.subscribe({
      next: (events) => this.#connection.pushEvents(owned, events),
      error: (error) => this.#ended(owned, `internal error: ${error}`),
      complete: () => this.#ended(owned, owned.request.ended ?? 'released'),
    });
  }

  #ended(owned: OwnedRequest, reason: string): void {
    this.#requests.delete(owned.id);
    const told = reason === 'released' ? (this.#endReason ?? reason) : reason;
    this.#connection.pushEvents(owned, [{ type: 'ended', chip: this.#chip.name, reason: told }]);
  }

  #owned(id: unknown): OwnedRequest {
    const owned = this.#requests.get(uint(id, 'request id'));
    if (owned !== undefined) return owned;
    throw new BridgeError('NOT_FOUND', `this connection has no request ${id}`);
  }

  /** Requests hear of the chip's states from the first request on. */
  #followState(): void {
    if (this.#followingState) return;
    this.#followingState = true;
    let present = true;
    this.#subscriptions.push(
      this.#chip.state$.subscribe((state) => {
        if (!present) this.#tellRequests(state);
      }),
    );
    present = false;
  }

  #tellRequests(state: ChipState): void {
    const event: ChipStateEvent = {
      type: 'chip',
      chip: this.#chip.name,
      state: state.kind,
      ...(state.kind === 'down' ? { reason: state.reason } : {}),
      timestampNs: this.#options.clock.monotonicNs(),
    };
    for (const owned of this.#requests.values()) this.#connection.pushEvents(owned, [event]);
  }

  #notifyLine({ kind, timestampNs, info }: LineInfoChange): void {
    this.#connection.notify({
      kind: 'line',
      change: { kind, timestamp_ns: timestampNs, info: wireLineInfo(info), lost: 0 },
    });
  }
}

type Handler = (session: ChipSession, params: readonly unknown[]) => unknown;

const CHIP_METHODS: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  [METHOD.CHIP_INFO, (session, params) => session.info(params)],
  [METHOD.CHIP_LINES, (session, params) => session.lines(params)],
  [METHOD.CHIP_LINE_INFO, (session, params) => session.lineInfo(params)],
  [METHOD.CHIP_FIND_LINE, (session, params) => session.findLine(params)],
  [METHOD.CHIP_WATCH, (session, params) => session.watch(params)],
  [METHOD.REQUEST_CREATE, (session, params) => session.createRequest(params)],
  [METHOD.REQUEST_GET, (session, params) => session.getValues(params)],
  [METHOD.REQUEST_SET, (session, params) => session.setValues(params)],
  [METHOD.REQUEST_RECONFIGURE, (session, params) => session.reconfigure(params)],
  [METHOD.REQUEST_RELEASE, (session, params) => session.release(params)],
  [METHOD.PERSISTENT_REQUEST, (session, params) => session.requestPersistently(params)],
  [METHOD.PERSISTENT_RELEASE, (session, params) => session.releasePersistent(params)],
]);
