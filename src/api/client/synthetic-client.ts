import type { BridgeError } from '../../base/errors.js';
import type { SyntheticDescription } from '../../gpio/synthetic/description.js';
import { METHOD, type WireSynthetic, type WireSyntheticLine, type WireSyntheticRequest } from '../schema.js';
import { allPages, chipStateOf, statusOf } from './from-wire.js';
import { RpcConnection } from './rpc.js';
import type { Lifetime, SyntheticClient, SyntheticLineStatus, SyntheticStatus } from './types.js';

/** Synthetic chips over the control socket: one connection, opened when it is first needed. */
export class SocketSynthetic implements SyntheticClient {
  readonly ended: Promise<BridgeError>;
  readonly #path: string;
  readonly #timeoutMs: number;
  readonly #end: (error: BridgeError) => void;
  #rpc: Promise<RpcConnection> | undefined;

  constructor(path: string, timeoutMs: number) {
    this.#path = path;
    this.#timeoutMs = timeoutMs;
    let end: (error: BridgeError) => void = () => {};
    this.ended = new Promise((resolve) => {
      end = resolve;
    });
    this.#end = end;
  }

  async make(description: SyntheticDescription, lifetime: Lifetime = 'daemon'): Promise<void> {
    const { name, lines, owner, group, mode, shared } = description;
    const chip: WireSyntheticRequest = {
      name,
      lines,
      ...(owner === undefined ? {} : { owner }),
      ...(group === undefined ? {} : { group }),
      ...(mode === undefined ? {} : { mode }),
      shared,
      lifetime,
    };
    await this.#call(METHOD.SYNTHETIC_MAKE, [chip]);
  }

  async delete(name: string): Promise<void> {
    await this.#call(METHOD.SYNTHETIC_DELETE, [name]);
  }

  async list(): Promise<SyntheticStatus[]> {
    const chips = await allPages<WireSynthetic>((offset) => this.#call(METHOD.SYNTHETIC_LIST, [offset]));
    return chips.map(({ owner, group, mode, state, ...chip }) => ({
      ...chip,
      ...(owner === null ? {} : { owner }),
      ...(group === null ? {} : { group }),
      ...(mode === null ? {} : { mode }),
      state: chipStateOf(state),
    }));
  }

  async lines(name: string): Promise<SyntheticLineStatus[]> {
    const lines = await allPages<WireSyntheticLine>((offset) =>
      this.#call(METHOD.SYNTHETIC_LINES, [name, offset]),
    );
    return statusOf(lines) as SyntheticLineStatus[];
  }

  close(): void {
    this.#rpc?.then((rpc) => rpc.close()).catch(() => {});
    this.#rpc = undefined;
  }

  async #call(method: string, params: readonly unknown[]): Promise<unknown> {
    this.#rpc ??= RpcConnection.open(this.#path, this.#timeoutMs, { closed: this.#end });
    const opening = this.#rpc;
    const rpc = await opening.catch((thrown: unknown) => {
      if (this.#rpc === opening) this.#rpc = undefined;
      throw thrown;
    });
    return rpc.call(method, params);
  }
}
