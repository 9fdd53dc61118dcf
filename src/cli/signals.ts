const ENDING: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Signals that end the program, caught so that it can put things in order first. */
export interface EndingSignals {
  /** Aborted by the first signal. */
  readonly aborted: AbortSignal;
  /** Which one it was. */
  readonly received: NodeJS.Signals | undefined;
  /** Back to the default: a further signal ends the program at once. */
  stop(): void;
}

/** Catches the first SIGINT, SIGTERM or SIGHUP; a second one ends the program at once, as ever. */
export function catchEndingSignals(): EndingSignals {
  const controller = new AbortController();
  let received: NodeJS.Signals | undefined;
  const stop = () => {
    for (const signal of ENDING) process.off(signal, listener);
  };
  const listener = (signal: NodeJS.Signals) => {
    received = signal;
    stop();
    controller.abort();
  };
  for (const signal of ENDING) process.on(signal, listener);
  return {
    aborted: controller.signal,
    get received() {
      return received;
    },
    stop,
  };
}

/** Ends the program as the signal alone would have, so that a shell sees the usual status. */
export function dieOf(signal: NodeJS.Signals): never {
  process.kill(process.pid, signal);
  // The signal is delivered before this returns to the event loop; this is for the compiler.
  return process.exit(1);
}

/** Resolves when the signal is aborted. */
export function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
