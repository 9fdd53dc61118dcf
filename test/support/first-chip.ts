import { connect } from '../../src/api/client/connect.js';
import type { BridgeClient, ChipClient } from '../../src/api/client/types.js';
import { STEP_MS } from './limits.js';
import { eventually } from './program.js';

export interface FirstChip {
  readonly client: BridgeClient;
  readonly chip: ChipClient;
}

/**
 * The first chip of a daemon that was just started, once it is up. `what`: for the error at the limit.
 * `callMs`: how long a call may take, if not as long as usual.
 */
export async function firstChip(
  runtimeDir: string,
  what: () => string,
  limitMs = STEP_MS,
  callMs?: number,
): Promise<FirstChip> {
  const options = { runtimeDir, ...(callMs === undefined ? {} : { timeoutMs: callMs }) };
  const client = await eventually(() => connect(options).catch(() => undefined), what, limitMs);
  const open = async (): Promise<ChipClient | undefined> => {
    const [name] = await client.chips();
    if (name === undefined) return undefined;
    const chip = await client.openChip(name).catch(() => undefined);
    if (chip === undefined || (await chip.info()).state.kind === 'up') return chip;
    chip.close();
    return undefined;
  };
  return { client, chip: await eventually(open, what, limitMs) };
}
