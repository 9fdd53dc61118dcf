import { withDaemon } from './connection.js';
import { errorLines, ManyErrors } from './errors.js';
import { HeldLines } from './held-lines.js';
import type { LineValue } from './line-value.js';
import { locateLines } from './locate.js';
import type { ClientOptions, RequestOptions } from './options.js';
import { print, printJson } from './output.js';
import { pause } from './pause.js';
import { catchEndingSignals, dieOf, whenAborted } from './signals.js';
import { toggleSequence } from './toggle.js';

/** What `set` was asked to hold, and how: plain data, which goes to another process with `-z`. */
export interface HoldJob {
  /** What messages call this program. */
  readonly program: string;
  readonly wanted: readonly LineValue[];
  readonly options: HoldOptions;
}

export interface HoldOptions extends ClientOptions, RequestOptions {
  readonly banner?: boolean;
  readonly daemonize?: boolean;
  readonly interactive?: boolean;
  /** Microseconds. */
  readonly holdPeriod?: number;
  /** Microseconds. */
  readonly toggle?: readonly number[];
}

/**
 * Sets the lines, calls `onSet`, and does what was asked until it is done or a signal comes, of which
 * the process then dies. Gives the lines back. Throws what the user did wrong and what went wrong.
 */
export async function hold(job: HoldJob, onSet: (held: HeldLines) => Promise<void>): Promise<void> {
  const { options, wanted } = job;
  const signals = catchEndingSignals();
  try {
    await withDaemon(options, async (daemon) => {
      const lines = await locateLines(
        daemon,
        wanted.map(({ id }) => id),
        options,
      );
      const values = wanted.map(({ value }) => value);
      const config = { consumer: options.consumer, activeLow: options.activeLow ?? false };
      const held = await HeldLines.request(lines, values, config);
      try {
        await onSet(held);
        await Promise.race([held.watchEnd(job.program), afterwards(held, job, signals.aborted)]);
      } finally {
        // Closing the connection releases too; this way the lines are free before we are gone.
        await held.release();
      }
    });
  } catch (thrown) {
    if (signals.received === undefined) throw thrown;
  }
  signals.stop();
  if (signals.received !== undefined) dieOf(signals.received);
}

/** Toggles, holds and talks as the options say; without them it never comes to an end by itself. */
async function afterwards(held: HeldLines, job: HoldJob, signal: AbortSignal): Promise<void> {
  const { toggle, interactive, holdPeriod = 0 } = job.options;
  if (toggle !== undefined) await toggleAsTold(held, job, signal);
  await pause(holdPeriod, signal);
  if (interactive) {
    const { interact } = await import('./interactive.js');
    await interact(held, job.program, job.options, signal);
  } else if (toggle === undefined) await whenAborted(signal);
}

async function toggleAsTold(
  held: HeldLines,
  { program, options }: HoldJob,
  signal: AbortSignal,
): Promise<void> {
  const { pauses, repeats } = toggleSequence(options.toggle ?? [], options.holdPeriod ?? 0);
  let failing = false;
  do {
    for (const period of pauses) {
      await pause(period, signal);
      signal.throwIfAborted();
      const problems = await held.toggle();
      // Said once, not at every toggling while a coprocessor is away.
      if (!failing) await print(errorLines(program, new ManyErrors(problems)), process.stderr);
      failing = problems.length > 0;
      if (options.json) for (const object of held.objectsOf()) await printJson(object);
    }
    // A sequence without a pause must not keep signals and the daemon's messages from being seen.
    if (repeats && pauses.every((period) => period === 0))
      await new Promise((resolve) => setImmediate(resolve));
  } while (repeats);
}
