import type { LineRequestClient, RequestEvent } from '../api/client/types.js';
import { UsageError } from './errors.js';
import { pause } from './pause.js';
import { whenAborted } from './signals.js';

export interface MonitorOptions {
  /** Stop after that many edges; 0: never. */
  readonly edgesWanted: number;
  /** Microseconds without an edge after which to stop; 0: never. */
  readonly idleTimeout: number;
  /** Stop when aborted. */
  readonly signal: AbortSignal;
  /** Prints a batch; waits while the reader of the output is slow. */
  print(events: readonly RequestEvent[]): Promise<void>;
  /** Takes what was sensed before the lines were given back; not called once enough edges came. */
  takeLate?(events: readonly RequestEvent[]): Promise<void>;
}

/** Why monitoring ended: enough edges came, or it was stopped. */
export type MonitorEnd = 'enough' | 'stopped';

/**
 * Prints what happens on these requests until enough edges came, none came for too long, or the
 * signal says so; then gives the lines back. Throws when lines are taken away or the daemon is gone.
 */
export async function monitor(
  requests: readonly LineRequestClient[],
  options: MonitorOptions,
): Promise<MonitorEnd> {
  const stop = new AbortController();
  const stopped = whenAborted(stop.signal);
  options.signal.addEventListener('abort', () => stop.abort(), { once: true });
  if (options.signal.aborted) stop.abort();
  const progress: Progress = { count: 0, lastMs: performance.now() };

  const hasEnough = () => options.edgesWanted > 0 && progress.count >= options.edgesWanted;

  const consume = async (request: LineRequestClient) => {
    for await (const batch of request.events()) {
      // What still arrives after the end is read, so that the answer to release() can come, not printed.
      if (stop.signal.aborted) {
        if (!hasEnough()) await options.takeLate?.(batch);
        continue;
      }
      const events = upToEdge(batch, options.edgesWanted, progress);
      await Promise.race([options.print(events), stopped]);
      if (hasEnough()) stop.abort();
      const last = events.at(-1);
      if (last?.type === 'ended' && !stop.signal.aborted)
        throw new UsageError(`lines on '${last.chip}' were released: ${last.reason}`);
    }
  };
  const consumers = Promise.all(requests.map(consume));
  void watchIdle(options.idleTimeout, progress, stop);
  try {
    await Promise.race([consumers, stopped]);
  } finally {
    stop.abort();
  }
  await Promise.all(requests.map((request) => request.release()));
  if (options.takeLate !== undefined) await consumers;
  return hasEnough() ? 'enough' : 'stopped';
}

/** What has come so far of what the user waits for. */
export interface Progress {
  count: number;
  /** When the last of it came, by performance.now(). */
  lastMs: number;
}

/** The events up to and with the last edge that is wanted; counts the edges. */
function upToEdge(
  batch: readonly RequestEvent[],
  wanted: number,
  progress: Progress,
): readonly RequestEvent[] {
  for (const [index, event] of batch.entries()) {
    if (event.type !== 'edge') continue;
    progress.count += 1;
    progress.lastMs = performance.now();
    if (wanted > 0 && progress.count >= wanted) return batch.slice(0, index + 1);
  }
  return batch;
}

/** Aborts `stop` when nothing came for `idleTimeout` microseconds; never when that is 0. */
export async function watchIdle(
  idleTimeout: number,
  progress: Progress,
  stop: AbortController,
): Promise<void> {
  if (idleTimeout === 0) return;
  for (;;) {
    const leftMs = progress.lastMs + idleTimeout / 1_000 - performance.now();
    if (leftMs <= 0) break;
    try {
      await pause(leftMs * 1_000, stop.signal);
    } catch {
      return;
    }
  }
  stop.abort();
}
