import type { ChipClient, LineChange } from '../api/client/types.js';
import { type Progress, watchIdle } from './monitor.js';
import { whenAborted } from './signals.js';

/** The lines of a chip whose changes are wanted. */
export interface WatchedChip {
  readonly client: ChipClient;
  readonly offsets: ReadonlySet<number>;
}

export interface LineWatchOptions {
  /** Only changes of this kind; undefined: all. */
  readonly kind?: LineChange['kind'] | undefined;
  /** Stop after that many changes; 0: never. */
  readonly changesWanted: number;
  /** Microseconds without a change after which to stop; 0: never. */
  readonly idleTimeout: number;
  /** Stop when aborted. */
  readonly signal: AbortSignal;
  /** Called once, when every chip is watched and before anything is printed. */
  started(): Promise<void>;
  /** Prints a change; waits while the reader of the output is slow. */
  print(chip: ChipClient, change: LineChange): Promise<void>;
}

/**
 * Prints changes of these lines until enough came, none came for too long, or the signal says so.
 * Throws when a connection breaks.
 */
export async function watchLines(chips: readonly WatchedChip[], options: LineWatchOptions): Promise<void> {
  const stop = new AbortController();
  const stopped = whenAborted(stop.signal);
  options.signal.addEventListener('abort', () => stop.abort(), { once: true });
  if (options.signal.aborted) stop.abort();
  const progress: Progress = { count: 0, lastMs: performance.now() };

  const watches = chips.map(({ client, offsets }) => {
    const changes = client.lineChanges()[Symbol.asyncIterator]();
    return { client, offsets, changes, next: changes.next() };
  });
  // Calls of one connection are answered in order: with these answers the watches are in place.
  await Promise.all(chips.map(({ client }) => client.info()));
  await options.started();

  const consume = async ({ client, offsets, changes, next }: (typeof watches)[number]) => {
    let lost = 0;
    for (let result = await next; !result.done && !stop.signal.aborted; result = await changes.next()) {
      const change = result.value;
      // Changes of other lines are not shown, but what was lost before them may have been of these.
      lost += change.lost;
      if (!offsets.has(change.info.offset)) continue;
      progress.lastMs = performance.now();
      if (options.kind !== undefined && change.kind !== options.kind) continue;
      progress.count += 1;
      const last = options.changesWanted > 0 && progress.count >= options.changesWanted;
      await Promise.race([options.print(client, { ...change, lost }), stopped]);
      lost = 0;
      if (last) stop.abort();
    }
  };
  const consumers = Promise.all(watches.map(consume));
  void watchIdle(options.idleTimeout, progress, stop);
  try {
    await Promise.race([consumers, stopped]);
  } finally {
    stop.abort();
    // They end with the connections, which the caller closes; what they still say is of no interest.
    consumers.catch(() => undefined);
  }
}
