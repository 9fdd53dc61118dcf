import { access, readdir, readFile } from 'node:fs/promises';
import { BridgeError } from '../../base/errors.js';
import { TIMEOUTS } from '../../base/timeouts.js';
import {
  chipSocket,
  clientPlaces,
  type Place,
  processSurroundings,
  type RuntimeLayout,
  runtimeLayout,
} from '../runtime-dir.js';
import { METHOD } from '../schema.js';
import { SocketChip } from './chip-client.js';
import { allPages, statusOf } from './from-wire.js';
import { RpcConnection } from './rpc.js';
import { SocketSynthetic } from './synthetic-client.js';
import type { BridgeClient, ChipClient, ConnectOptions, DaemonStatus } from './types.js';

/**
 * Finds the daemon. Rejects with NO_DAEMON, listing the places that were tried, when none answers.
 * Access to its chips is checked when one is opened: one chip's socket is enough.
 */
export async function connect(options: ConnectOptions = {}): Promise<BridgeClient> {
  const timeoutMs = options.timeoutMs ?? TIMEOUTS.client_call.defaultMs;
  const places = clientPlaces(options.runtimeDir, processSurroundings());
  const tried: string[] = [];
  for (const place of places) {
    const layout = runtimeLayout(place.dir);
    const problem = await whyNoDaemon(layout);
    if (problem === undefined) return new SocketBridge(layout, timeoutMs);
    tried.push(`${describe(place)}: ${problem}`);
  }
  throw new BridgeError(
    'NO_DAEMON',
    `no gpiobridge daemon answers; tried ${tried.join('; ')}. Start one, or name its directory with --runtime-dir`,
  );
}

function describe({ dir, source }: Place): string {
  return `${dir} (${source})`;
}

/** Undefined where a daemon answers. */
async function whyNoDaemon(layout: RuntimeLayout): Promise<string | undefined> {
  try {
    (await RpcConnection.open(layout.control, TIMEOUTS.connect.defaultMs)).close();
    return undefined;
  } catch (thrown) {
    const error = thrown as BridgeError;
    if (error.name === 'NOT_FOUND')
      return (await exists(layout.dir)) ? 'no daemon runs there' : 'does not exist';
    if (error.name === 'NO_DAEMON') return 'no daemon runs there any more';
    // Not permitted to use the control socket says nothing about the chips: does its daemon live?
    if (error.name === 'PERMISSION_DENIED' && (await daemonLives(layout))) return undefined;
    return error.message;
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function daemonLives(layout: RuntimeLayout): Promise<boolean> {
  try {
    const pid = Number.parseInt(await readFile(layout.pidFile, 'utf8'), 10);
    return pid > 0 && (await exists(`/proc/${pid}`));
  } catch {
    return false;
  }
}

class SocketBridge implements BridgeClient {
  readonly #layout: RuntimeLayout;
  readonly #timeoutMs: number;
  readonly #chips = new Set<SocketChip>();
  readonly synthetic: SocketSynthetic;

  constructor(layout: RuntimeLayout, timeoutMs: number) {
    this.#layout = layout;
    this.#timeoutMs = timeoutMs;
    this.synthetic = new SocketSynthetic(layout.control, timeoutMs);
  }

  get runtimeDir(): string {
    return this.#layout.dir;
  }

  async chips(): Promise<string[]> {
    const names = await readdir(this.#layout.chips).catch(() => []);
    return names.sort(naturally);
  }

  async openChip(nameOrPathOrNumber: string): Promise<ChipClient> {
    const chip = await SocketChip.open(this.#pathOf(nameOrPathOrNumber), this.#timeoutMs).catch(
      async (thrown) => {
        throw (thrown as BridgeError).name === 'NOT_FOUND'
          ? await this.#noSuchChip(nameOrPathOrNumber)
          : thrown;
      },
    );
    this.#chips.add(chip);
    return chip;
  }

  async status(): Promise<DaemonStatus> {
    const control = await RpcConnection.open(this.#layout.control, this.#timeoutMs);
    try {
      const [daemon, coprocessors, chips, exports] = await Promise.all([
        control.call(METHOD.DAEMON_STATUS),
        allPages((offset) => control.call(METHOD.DAEMON_COPROCESSORS, [offset])),
        allPages((offset) => control.call(METHOD.DAEMON_CHIPS, [offset])),
        allPages((offset) => control.call(METHOD.DAEMON_EXPORTS, [offset])),
      ]);
      return statusOf({ ...(daemon as object), coprocessors, chips, exports }) as DaemonStatus;
    } finally {
      control.close();
    }
  }

  close(): void {
    for (const chip of this.#chips) chip.close();
    this.#chips.clear();
    this.synthetic.close();
  }

  #pathOf(id: string): string {
    if (id.includes('/')) return id;
    return chipSocket(this.#layout, /^[0-9]+$/.test(id) ? `gpiochip${Number(id)}` : id);
  }

  async #noSuchChip(id: string): Promise<BridgeError> {
    const there = await this.chips();
    const known = there.length === 0 ? 'the daemon has none yet' : `there are ${there.join(', ')}`;
    return new BridgeError('NOT_FOUND', `no chip '${id}': ${known}`);
  }
}

/** By code unit, but numbers inside names by their value; a total order. */
function naturally(a: string, b: string): number {
  const left = a.split(/([0-9]+)/);
  const right = b.split(/([0-9]+)/);
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    if (left[i] === right[i]) continue;
    // Every second part is a number.
    const difference = i % 2 === 1 ? Number(left[i]) - Number(right[i]) : 0;
    if (difference !== 0) return difference;
    return left[i]! < right[i]! ? -1 : 1;
  }
  return left.length - right.length;
}
