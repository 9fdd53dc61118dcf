import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '../../src/api/client/connect.js';
import type { BridgeClient } from '../../src/api/client/types.js';
import { type Place, type RuntimeLayout, runtimeLayout } from '../../src/api/runtime-dir.js';
import { ApiServer } from '../../src/api/server/api-server.js';
import type { StatusSource } from '../../src/api/server/control-session.js';
import { type ApiLimits, DEFAULT_API_LIMITS } from '../../src/api/server/limits.js';
import type { Clock } from '../../src/base/clock.js';
import { nodeTimers } from '../../src/base/clock.js';
import { ChipStore } from '../../src/daemon/state/chip-store.js';
import { SyntheticChips } from '../../src/daemon/synthetic/synthetic-chips.js';
import { ChipDirectory } from '../../src/gpio/chip-directory.js';
import { CoprocessorChip } from '../../src/gpio/coprocessor-chip.js';
import { STEP_MS } from './limits.js';
import { MemoryRemote } from './memory-remote.js';

/** The clocks as far as Node has them. */
export const hostClock: Clock = {
  monotonicNs: () => process.hrtime.bigint(),
  boottimeNs: () => process.hrtime.bigint(),
  realtimeNs: () => BigInt(Date.now()) * 1_000_000n,
};

export interface ApiBench {
  readonly layout: RuntimeLayout;
  readonly server: ApiServer;
  readonly remote: MemoryRemote;
  readonly chip: CoprocessorChip;
  readonly warnings: string[];
  client(): Promise<BridgeClient>;
  close(): Promise<void>;
}

/** A served chip `hub` of `lines` lines (named L0, L1, ...) in a runtime directory of its own. */
export async function apiBench(
  lines: number,
  limits: Partial<ApiLimits> = {},
  storeAt: (place: Place) => ChipStore = (place) => new ChipStore(place),
): Promise<ApiBench> {
  const layout = runtimeLayout(mkdtempSync(join(tmpdir(), 'gb-api-')));
  const warnings: string[] = [];
  const server = new ApiServer({
    layout,
    clock: hostClock,
    limits: { ...DEFAULT_API_LIMITS, ...limits },
    version: '0.0.0',
    graceMs: 500,
    warn: (event) => warnings.push(event),
  });
  const directory = new ChipDirectory();
  const remote = new MemoryRemote(
    'hub',
    Array.from({ length: lines }, (_, offset) => `L${offset}`),
  );
  const chip = new CoprocessorChip({
    name: 'hub',
    remote,
    clock: hostClock,
    timers: nodeTimers,
    startingMs: 1_000,
  });
  await server.addChip(chip, { mode: 0o660 });
  directory.add(chip);
  const synthetic = new SyntheticChips({
    store: storeAt({ dir: join(layout.dir, 'state'), source: 'test' }),
    api: server,
    directory,
    coprocessors: () => ['hub'],
    time: { ...hostClock, ...nodeTimers },
    log: () => {},
    onChange: () => {},
  });
  await server.openControl(statusOf(server, layout.dir), synthetic, { mode: 0o600 });
  const clients: BridgeClient[] = [];
  return {
    layout,
    server,
    remote,
    chip,
    warnings,
    async client() {
      const client = await connect({ runtimeDir: layout.dir });
      clients.push(client);
      return client;
    },
    async close() {
      for (const client of clients) client.close();
      const closing = server.close('test ends');
      server.destroy();
      await closing;
      rmSync(layout.dir, { recursive: true, force: true });
    },
  };
}

function statusOf(server: ApiServer, runtimeDir: string): StatusSource {
  return {
    daemon: () => ({
      version: '0.0.0',
      pid: process.pid,
      runtime_dir: runtimeDir,
      uptime_ms: 1,
      ...server.usage(),
      timers: 0,
      memory: { rss_bytes: 1, heap_used_bytes: 1, external_bytes: 1 },
      counters: { ...server.counters },
    }),
    coprocessors: () => [],
    chips: () => [],
    exports: () => [],
  };
}

/** Waits until `condition` holds; fails with `what` after `limitMs`. */
export async function until(condition: () => boolean, what: string, limitMs = STEP_MS): Promise<void> {
  const end = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`still not after ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
