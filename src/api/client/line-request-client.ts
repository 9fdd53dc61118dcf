import { BridgeError } from '../../base/errors.js';
import type { Level } from '../../driver/remote-gpio.js';
import type { LineConfig, LineRequestConfig } from '../../gpio/chip.js';
import { METHOD, type WireRequest } from '../schema.js';
import { EventBuffer } from './event-buffer.js';
import { wireConfig } from './from-wire.js';
import type { RpcConnection } from './rpc.js';
import type { LineRequestClient, RequestEvent } from './types.js';

/** A request over a connection that it may share with others, or have to itself. */
export class SocketLineRequest implements LineRequestClient {
  readonly consumer: string;
  readonly id: number;
  readonly offsets: readonly number[];
  readonly #rpc: RpcConnection;
  readonly #ownsConnection: boolean;
  readonly #buffer: EventBuffer;
  #releasing: Promise<void> | undefined;

  constructor(
    rpc: RpcConnection,
    chip: string,
    request: LineRequestConfig,
    { id, offsets }: WireRequest,
    ownsConnection: boolean,
  ) {
    this.#rpc = rpc;
    this.consumer = request.consumer;
    this.id = id;
    this.offsets = offsets;
    this.#ownsConnection = ownsConnection;
    this.#buffer = new EventBuffer(chip, () => this.#regulate());
  }

  async getValues(offsets?: readonly number[]): Promise<Level[]> {
    return (await this.#call(METHOD.REQUEST_GET, offsets ?? null)) as Level[];
  }

  async setValues(values: ReadonlyMap<number, Level>): Promise<void> {
    await this.#call(METHOD.REQUEST_SET, [...values]);
  }

  async reconfigure(config: LineConfig | readonly LineConfig[]): Promise<void> {
    await this.#call(METHOD.REQUEST_RECONFIGURE, wireConfig(config));
  }

  release(): Promise<void> {
    this.#releasing ??= this.#release();
    return this.#releasing;
  }

  events(): AsyncIterable<readonly RequestEvent[]> {
    return this.#buffer.events();
  }

  /** Whether the last event came: the daemon has forgotten this request. */
  get ended(): boolean {
    return this.#buffer.ended !== undefined;
  }

  /** Takes the rows of a notification; throws for what is none. */
  receive(rows: readonly unknown[]): void {
    this.#buffer.receive(rows);
    this.#closeIfEnded();
  }

  /** The connection is gone. */
  connectionClosed(error: BridgeError): void {
    this.#buffer.close(error);
  }

  async #release(): Promise<void> {
    if (this.ended) return;
    try {
      // From here on everything is read, to the last event.
      await this.#call(METHOD.REQUEST_RELEASE);
    } catch (thrown) {
      // What ended meanwhile, or went with the daemon, is released.
      if (['NOT_FOUND', 'NO_DAEMON', 'CLOSED'].includes((thrown as BridgeError).name)) return;
      // The end of its connection releases it in any case.
      if (this.#ownsConnection) this.#rpc.close();
      throw thrown;
    }
  }

  async #call(method: string, argument?: unknown): Promise<unknown> {
    if (this.ended) throw new BridgeError('CLOSED', `the request has ended: ${this.#buffer.ended}`);
    const params = argument === undefined ? [this.id] : [this.id, argument];
    const answer = this.#rpc.call(method, params);
    this.#regulate();
    try {
      return await answer;
    } finally {
      this.#regulate();
      this.#closeIfEnded();
    }
  }

  #closeIfEnded(): void {
    if (this.ended && this.#ownsConnection && this.#rpc.pendingCalls === 0) this.#rpc.close();
  }

  /** A connection of its own is not read while the consumer is slow, unless an answer is waited for. */
  #regulate(): void {
    if (!this.#ownsConnection) return;
    const wait = this.#buffer.full && this.#rpc.pendingCalls === 0 && this.#releasing === undefined;
    if (wait) this.#rpc.pause();
    else this.#rpc.resume();
  }
}
