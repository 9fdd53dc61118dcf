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
}

/**
 * Prints what happens on these requests until enough edges came, none came for too long, or the
 * signal says so; then gives the lines back. Throws when lines are taken away or the daemon is gone.
 */
export async function monitor(
  requests: readonly LineRequestClient[],
  options: MonitorOptions,
): Promise<void> {
  const stop = new AbortController();
  const stopped = whenAborted(stop.signal);
  options.signal.addEventListener('abort', () => stop.abort(), { once: true });
  if (options.signal.aborted) stop.abort();
  const progress = { edges: 0, lastEdgeMs: performance.now() };

  const consume = async (request: LineRequestClient) => {
    for await (const batch of request.events()) {
      // What still arrives after the end is read, so that the answer to release() can come, not printed.
      if (stop.signal.aborted) continue;
      const events = upToEdge(batch, options.edgesWanted, progress);
      await Promise.race([options.print(events), stopped]);
      if (options.edgesWanted > 0 && progress.edges >= options.edgesWanted) stop.abort();
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
}

interface Progress {
  edges: number;
  lastEdgeMs: number;
}

/** The events up to and with the last edge that is wanted; counts the edges. */
function upToEdge(
  batch: readonly RequestEvent[],
  wanted: number,
  progress: Progress,
): readonly RequestEvent[] {
  for (const [index, event] of batch.entries()) {
    if (event.type !== 'edge') continue;
    progress.edges += 1;
    progress.lastEdgeMs = performance.now();
    if (wanted > 0 && progress.edges >= wanted) return batch.slice(0, index + 1);
  }
  return batch;
}

async function watchIdle(idleTimeout: number, progress: Progress, stop: AbortController): Promise<void> {
  if (idleTimeout === 0) return;
  for (;;) {
    const leftMs = progress.lastEdgeMs + idleTimeout / 1_000 - performance.now();
    if (leftMs <= 0) break;
    try {
      await pause(leftMs * 1_000, stop.signal);
    } catch {
      return;
    }
  }
  stop.abort();
}
