import type { BridgeError } from '../../base/errors.js';
import type { ChipState, LineInfo, LineRequestConfig } from '../../gpio/chip.js';
import {
  METHOD,
  NOTIFICATION,
  type WireChipInfo,
  type WireChipState,
  type WireLineChange,
  type WireLineInfo,
  type WireRequest,
  type WireServerInfo,
} from '../schema.js';
import { allPages, chipInfoOf, chipStateOf, lineChangeOf, lineInfoOf, wireConfig } from './from-wire.js';
import { SocketLineRequest } from './line-request-client.js';
import { RpcConnection } from './rpc.js';
import type { ChipClient, ChipInfo, LineChange, LineRequestClient } from './types.js';
import { Watchers } from './watch.js';

/** One chip through its socket. */
export class SocketChip implements ChipClient {
  name = '';
  readonly #path: string;
  readonly #timeoutMs: number;
  #rpc!: RpcConnection;
  /** Requests on this connection, by id. */
  readonly #requests = new Map<number, SocketLineRequest>();
  /** Connections of requests that have one to themselves. */
  readonly #own = new Set<RpcConnection>();
  readonly #states = new Watchers<ChipState>();
  readonly #lineChanges = new Watchers<LineChange>();
  #watchesState: Promise<unknown> | undefined;
  #watchesLines: Promise<unknown> | undefined;
  #lastState: ChipState | undefined;

  /** Connects to the socket at `path`, or rejects as {@link RpcConnection.open} does. */
  static async open(path: string, timeoutMs: number): Promise<SocketChip> {
    const chip = new SocketChip(path, timeoutMs);
    chip.#rpc = await RpcConnection.open(path, timeoutMs, {
      events: (id, rows) => chip.#events(id, rows),
      notification: (method, params) => chip.#notification(method, params),
      closed: (error) => chip.#closed(error),
    });
    try {
      const info = (await chip.#rpc.call(METHOD.SERVER_INFO)) as WireServerInfo;
      chip.name = info.chip ?? '';
    } catch (thrown) {
      chip.close();
      throw thrown;
    }
    return chip;
  }

  private constructor(path: string, timeoutMs: number) {
    this.#path = path;
    this.#timeoutMs = timeoutMs;
  }

  async info(): Promise<ChipInfo> {
    return chipInfoOf((await this.#rpc.call(METHOD.CHIP_INFO)) as WireChipInfo);
  }

  async lines(): Promise<LineInfo[]> {
    const lines = await allPages<WireLineInfo>((offset) => this.#rpc.call(METHOD.CHIP_LINES, [offset]));
    return lines.map(lineInfoOf);
  }

  async lineInfo(offset: number): Promise<LineInfo> {
    return lineInfoOf((await this.#rpc.call(METHOD.CHIP_LINE_INFO, [offset])) as WireLineInfo);
  }

  async findLine(name: string): Promise<number | undefined> {
    return ((await this.#rpc.call(METHOD.CHIP_FIND_LINE, [name])) as number | null) ?? undefined;
  }

  requestLines(config: LineRequestConfig): Promise<LineRequestClient> {
    const configs = Array.isArray(config.config) ? config.config : [config.config];
    const wantsEdges = configs.some((line) => line.edges !== 'none');
    return wantsEdges ? this.#requestOnOwnConnection(config) : this.#requestHere(config);
  }

  async requestPersistently({ consumer, offsets, config }: LineRequestConfig): Promise<void> {
    await this.#rpc.call(METHOD.PERSISTENT_REQUEST, [{ consumer, offsets, config: wireConfig(config) }]);
  }

  async releasePersistent(offsets?: readonly number[]): Promise<number[]> {
    return (await this.#rpc.call(METHOD.PERSISTENT_RELEASE, [offsets ?? null])) as number[];
  }

  states(): AsyncIterable<ChipState> {
    return this.#states.watch(async () => {
      const first = this.#watchesState === undefined;
      this.#watchesState ??= this.#rpc.call(METHOD.CHIP_WATCH, ['state']);
      await this.#watchesState;
      // The daemon answers the first watch with the present state; later watchers get what is known.
      return first || this.#lastState === undefined ? [] : [this.#lastState];
    });
  }

  lineChanges(): AsyncIterable<LineChange> {
    return this.#lineChanges.watch(async () => {
      this.#watchesLines ??= this.#rpc.call(METHOD.CHIP_WATCH, ['lines']);
      await this.#watchesLines;
      return [];
    });
  }

  close(): void {
    this.#rpc.close();
    for (const rpc of [...this.#own]) rpc.close();
  }

  #requestHere(config: LineRequestConfig): Promise<LineRequestClient> {
    return createRequest(this.#rpc, config, (created) => {
      const request = new SocketLineRequest(this.#rpc, this.name, config, created, false);
      this.#requests.set(request.id, request);
      return request;
    });
  }

  async #requestOnOwnConnection(config: LineRequestConfig): Promise<LineRequestClient> {
    let request: SocketLineRequest | undefined;
    const rpc = await RpcConnection.open(this.#path, this.#timeoutMs, {
      events: (_id, rows) => request?.receive(rows),
      closed: (error) => {
        this.#own.delete(rpc);
        request?.connectionClosed(error);
      },
    });
    this.#own.add(rpc);
    try {
      return await createRequest(rpc, config, (created) => {
        request = new SocketLineRequest(rpc, this.name, config, created, true);
        return request;
      });
    } catch (thrown) {
      rpc.close();
      throw thrown;
    }
  }

  #events(id: number, rows: readonly unknown[]): void {
    const request = this.#requests.get(id);
    request?.receive(rows);
    if (request?.ended) this.#requests.delete(id);
  }

  #notification(method: string, params: readonly unknown[]): void {
    if (method === NOTIFICATION.CHIP_STATE) {
      this.#lastState = chipStateOf(params[0] as WireChipState);
      this.#states.emit(this.#lastState);
    } else if (method === NOTIFICATION.LINE_CHANGE) {
      this.#lineChanges.emit(lineChangeOf(params[0] as WireLineChange));
    }
  }

  #closed(error: BridgeError): void {
    this.#states.close(error);
    this.#lineChanges.close(error);
    for (const request of this.#requests.values()) request.connectionClosed(error);
  }
}

/** `make` runs before the first event of the new request is looked at. */
function createRequest(
  rpc: RpcConnection,
  { consumer, offsets, config }: LineRequestConfig,
  make: (created: WireRequest) => SocketLineRequest,
): Promise<SocketLineRequest> {
  const request = { consumer, offsets, config: wireConfig(config) };
  return rpc.callThen(METHOD.REQUEST_CREATE, [request], (created) => make(created as WireRequest));
}
