import { BridgeError } from '../../base/errors.js';
import {
  METHOD,
  type WireChipStatus,
  type WireCoprocessorStatus,
  type WireDaemonStatus,
  type WireExportStatus,
} from '../schema.js';
import type { Session } from './connection.js';
import { countOf, pageParams } from './params.js';
import { SyntheticCalls, type SyntheticControl } from './synthetic-calls.js';
import { wirePage, wireStatus } from './wire-shapes.js';

/** Where the control socket's answers come from. */
export interface StatusSource {
  daemon(): WireDaemonStatus;
  coprocessors(): readonly WireCoprocessorStatus[];
  chips(): readonly WireChipStatus[];
  exports(): readonly WireExportStatus[];
}

/** The methods of a connection to the control socket. */
export class ControlSession implements Session {
  readonly #source: StatusSource;
  readonly #synthetic: SyntheticCalls;

  constructor(source: StatusSource, synthetic: SyntheticControl) {
    this.#source = source;
    this.#synthetic = new SyntheticCalls(synthetic);
  }

  call(method: string, params: readonly unknown[]): unknown {
    switch (method) {
      case METHOD.DAEMON_STATUS:
        countOf(params, 0, 0);
        return wireStatus(this.#source.daemon());
      case METHOD.DAEMON_COPROCESSORS:
        return this.#page(this.#source.coprocessors(), params);
      case METHOD.DAEMON_CHIPS:
        return this.#page(this.#source.chips(), params);
      case METHOD.DAEMON_EXPORTS:
        return this.#page(this.#source.exports(), params);
      default: {
        const handler = this.#synthetic.handler(method);
        if (handler !== undefined) return handler(params);
        throw new BridgeError('NOT_FOUND', `no method '${method.slice(0, 64)}' on the control socket`);
      }
    }
  }

  close(): void {
    this.#synthetic.close();
  }

  #page(items: readonly unknown[], params: readonly unknown[]): unknown {
    return wirePage(items.length, (index) => wireStatus(items[index]), pageParams(params));
  }
}
