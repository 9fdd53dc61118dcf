import { stat } from 'node:fs/promises';
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
    if (await isNoChip(id)) throw new UsageError(notFoundText(id));
    return await daemon.openChip(id);
  } catch (thrown) {
    if (thrown instanceof UsageError) throw thrown;
    if (isNamed(thrown, 'NOT_FOUND'))
      throw new UsageError((await whyNotThere(daemon, id)) ?? notFoundText(id));
    throw new UsageError(`unable to open chip '${id}': ${messageOf(thrown)}`);
  }
}

function notFoundText(id: string): string {
  return `cannot find GPIO chip character device '${id}'`;
}

/** Whether it names something that is there and no chip can be, as /dev/null. */
async function isNoChip(id: string): Promise<boolean> {
  if (id === '') return true;
  if (!id.includes('/')) return false;
  return stat(id).then(
    (found) => !found.isSocket(),
    () => false,
  );
}

/** That a chip of this name is to come, where this user may know: it needs the control socket. */
async function whyNotThere(daemon: BridgeClient, id: string): Promise<string | undefined> {
  const status = await daemon.status().catch(() => undefined);
  const coprocessor = status?.coprocessors.find(({ name }) => name === id);
  if (coprocessor === undefined || coprocessor.chips.length > 0) return undefined;
  const { linkState, reason } = coprocessor;
  return `chip '${id}' is not there yet: its coprocessor has not described itself (link ${linkState}${reason ? `: ${reason}` : ''})`;
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
