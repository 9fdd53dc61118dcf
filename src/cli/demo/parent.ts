import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_MS = 500;

/**
 * Resolves when the process that started this one is gone: `npm start` does not pass on the signal
 * that ends it, and a demo nobody can see is to end, too.
 */
export async function parentGone(stop: AbortSignal): Promise<void> {
  const parent = process.ppid;
  while (process.ppid === parent) {
    try {
      await sleep(LOOK_MS, undefined, { signal: stop, ref: false });
    } catch {
      return;
    }
  }
}
