import type { BridgeClient, ChipClient, LineRequestClient } from '../api/client/types.js';
import { BridgeError, messageOf } from '../base/errors.js';
import type { LineConfig } from '../gpio/chip.js';
import { UsageError } from './errors.js';
import type { ClientOptions } from './options.js';

/** Finds the daemon, runs `body`, and closes every connection whatever happens. */
export async function withDaemon<Result>(
  options: ClientOptions,
  body: (daemon: BridgeClient) => Promise<Result>,
): Promise<Result> {
  const { connect } = await import('../api/client/connect.js');
  const daemon = await connect(options.runtimeDir === undefined ? {} : { runtimeDir: options.runtimeDir });
  try {
    return await body(daemon);
  } finally {
    daemon.close();
  }
}

/** Opens the chip that the user named, or says in libgpiod's words that there is none. */
export async function openNamedChip(daemon: BridgeClient, id: string): Promise<ChipClient> {
  try {
    return await daemon.openChip(id);
  } catch (thrown) {
    if (isNamed(thrown, 'NOT_FOUND')) throw new UsageError(`cannot find GPIO chip character device '${id}'`);
    throw new UsageError(`unable to open chip '${id}': ${messageOf(thrown)}`);
  }
}

/** Requests lines of one chip; the error says of which. */
export async function requestOn(
  chip: ChipClient,
  consumer: string,
  offsets: readonly number[],
  config: LineConfig | readonly LineConfig[],
): Promise<LineRequestClient> {
  try {
    return await chip.requestLines({ consumer, offsets, config });
  } catch (thrown) {
    throw new UsageError(`unable to request lines on chip '${chip.name}': ${messageOf(thrown)}`);
  }
}

export function isNamed(thrown: unknown, name: BridgeError['name']): boolean {
  return thrown instanceof BridgeError && thrown.name === name;
}
